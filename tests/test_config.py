"""``folkmoot.toml``: defaults < file < flags, and one message for each mistake."""

import tomllib
from pathlib import Path

import pytest

from folkmoot.config import read_settings
from folkmoot.errors import FolkmootError, UsageError
from folkmoot.listen.config import ListenConfig
from folkmoot.train.config import TrainConfig

ROOT = Path(__file__).parents[1]


def settings_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "folkmoot.toml"
    path.write_text(text)
    return path


def test_a_file_stands_over_the_defaults_and_below_what_is_decided_elsewhere(tmp_path: Path) -> None:
    settings = read_settings(settings_file(tmp_path, "[listen]\nmin_votes = 10\n"))
    config = settings.build("listen", ListenConfig, seed=3)
    assert (config.min_votes, config.seed) == (10, 3)
    assert config.max_groups == ListenConfig().max_groups


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings(None).build("listen", ListenConfig) == ListenConfig()


def test_the_file_of_the_working_directory_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file(tmp_path, "[train]\nlessons = 12\n")
    monkeypatch.chdir(tmp_path)
    assert read_settings(None).build("train", TrainConfig).lessons == 12


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[train]\nlesson = 12\n", "lesson: Extra inputs"),
        ("[train]\nlessons = 'many'\n", "lessons: Input should be a valid integer"),
        ("[train]\nlessons = 0\n", "lessons: Input should be greater than or equal to 2"),
        ("[train]\nseed = 4\n", "'seed' is not set in a file"),
    ],
)
def test_a_wrong_field_is_named_with_its_table_and_file(tmp_path: Path, text: str, says: str) -> None:
    settings = read_settings(settings_file(tmp_path, text))
    with pytest.raises(UsageError, match=says) as caught:
        settings.build("train", TrainConfig)
    assert "folkmoot.toml, [train]" in caught.value.where


@pytest.mark.parametrize(
    ("text", "says"), [("[training]\nlessons = 2\n", "no table or field 'training'"), ("lessons = = 2", "not TOML")]
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(FolkmootError, match=says):
        read_settings(settings_file(tmp_path, text))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FolkmootError, match="cannot read the settings"):
        read_settings(tmp_path / "none.toml")


def test_every_toml_file_of_the_project_parses() -> None:
    files = [p for folder in ("src", "examples", "docs") for p in (ROOT / folder).rglob("*.toml")]
    assert len(files) >= 4
    for path in [*files, ROOT / "pyproject.toml"]:
        tomllib.loads(path.read_text(encoding="utf-8"))
