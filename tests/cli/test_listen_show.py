"""`folkmoot listen show` says what was heard, and no more than may be shown."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from folkmoot.cli.listen import app
from folkmoot.errors import FolkmootError

EXAMPLE = Path(__file__).parents[2] / "examples" / "harbour-town"


def small_town(folder: Path, *, text: str = "Be kind") -> Path:
    """Forty people who agree on all but the last statement, which nine people saw."""
    statements = [f"s{i},{text} {i}" for i in range(9)]
    votes = [f"p{p},s{s},1" for p in range(40) for s in range(8)] + [f"p{p},s8,-1" for p in range(9)]
    (folder / "statements.csv").write_text("\n".join(["statement,text", *statements]))
    (folder / "votes.csv").write_text("\n".join(["participant,statement,vote", *votes]))
    return folder


def test_json_alone_stands_on_stdout(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show", str(small_town(tmp_path)), "--json"])
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert (shown["participants"], shown["participants_in"], shown["votes"], shown["statements"]) == (40, 40, 329, 9)
    assert shown["group_sizes"] == [40]
    assert [a["id"] for a in shown["agreed"]] == [f"s{i}" for i in range(8)]
    assert shown["agreed"][0]["support"] == [1.0]
    assert shown["agreed"][0]["group_aware_consensus"]["n"] == 40


def test_the_table_shows_texts_as_they_are(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show", str(small_town(tmp_path, text="[red]kind[/nope]"))])
    assert result.exit_code == 0
    assert "[red]kind[/nope] 0" in result.stdout
    assert "one opinion group" in result.stdout


def test_simulated_people_are_marked() -> None:
    result = CliRunner().invoke(app, ["show", str(EXAMPLE)])
    assert result.exit_code == 0
    assert "simulated" in result.stdout
    assert "simulated" in CliRunner().invoke(app, ["analyse", str(EXAMPLE)]).stdout
    for verb in ("show", "analyse"):
        assert json.loads(CliRunner().invoke(app, [verb, str(EXAMPLE), "--json"]).stdout)["simulated"] is True


def test_analysis_prints_every_statement_and_suppresses_small_cells(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["analyse", str(small_town(tmp_path)), "--json"])
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown.keys() >= {
        "participants",
        "votes",
        "participants_in",
        "k",
        "groups",
        "stability",
        "statements",
        "seconds",
    }
    assert (shown["k"], shown["groups"]) == (1, [{"id": 0, "size": 40}])
    assert [s["band"] for s in shown["statements"]] == ["agreed"] * 8 + ["insufficiently seen"]
    last = shown["statements"][-1]
    assert last["disagree"] is None
    assert last["by_group"] == [dict.fromkeys(("agree", "disagree", "pass", "seen"))]
    assert "8 agreed, 1 insufficiently seen" in CliRunner().invoke(app, ["analyse", str(tmp_path)]).stdout


def test_prediction_prints_every_method_with_its_intervals() -> None:
    result = CliRunner().invoke(app, ["predict", str(EXAMPLE), "--masks", "2", "--json"])
    assert result.exit_code == 0
    methods = json.loads(result.stdout)["methods"]
    assert list(methods) == ["statement means", "two principal components", "alternating least squares", "factors"]
    for measures in methods.values():
        assert all(measures[name]["n"] == 2 for name in ("accuracy", "auc", "log_loss", "rmse", "calibration_error"))
    assert methods["statement means"]["factors_better_by"]["log_loss"]["diff"] > 0
    read = CliRunner().invoke(app, ["predict", str(EXAMPLE), "--masks", "2"])
    assert "factors against statement means" in read.stdout


def test_a_missing_consultation_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show", str(tmp_path / "nowhere")])
    assert isinstance(result.exception, FolkmootError)


@pytest.mark.parametrize("heavy", ["torch", "sklearn", "polars", "folkmoot.listen"])
def test_help_starts_without_what_it_does_not_need(heavy: str) -> None:
    code = f"import sys, folkmoot.cli.listen; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
