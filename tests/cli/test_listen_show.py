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
    (group,) = shown["groups"]
    assert (shown["k"], group["id"], group["size"], group["membership"]["value"]) == (1, 0, 40, 1.0)
    assert [s["band"] for s in shown["statements"]] == ["agreed"] * 8 + ["insufficiently seen"]
    first, *_, last = shown["statements"]
    (counts,) = first["by_group"]
    share = counts.pop("agree_share")
    assert (first["agree"], counts) == (40, {"agree": 40, "disagree": 0, "pass": 0})
    assert (share["value"], share["ci"][1], share["n"]) == (1.0, 1.0, 40)
    assert 0.8 < share["ci"][0] < 1
    assert first["against"]["people"] == 0
    assert first["gac"]["n"] == 40
    for name in ("agree", "disagree", "pass", "by_group", "against", "gac", "gac_fair", "minimum"):
        assert last[name] is None
    assert "8 agreed, 1 insufficiently seen" in CliRunner().invoke(app, ["analyse", str(tmp_path)]).stdout


@pytest.mark.parametrize("method", ["default", "polis"])
def test_where_one_group_is_small_no_group_is_shown(tmp_path: Path, method: str) -> None:
    """Two camps; of one only four people saw the last statement, and the total less the other camp would give them away."""
    said = {f"p{p}": [1 if (p < 30) == (s < 5) else -1 for s in range(10)] for p in range(60)}
    votes = [f"{p},s{s},{v}" for p, row in said.items() for s, v in enumerate(row)]
    votes += [f"p{p},s10,1" for p in [*range(30), *range(30, 34)]]
    statements = [f"s{s},Statement {s}" for s in range(11)]
    (tmp_path / "statements.csv").write_text("\n".join(["statement,text", *statements]))
    (tmp_path / "votes.csv").write_text("\n".join(["participant,statement,vote", *votes]))
    result = CliRunner().invoke(app, ["analyse", str(tmp_path), "--method", method, "--json"])
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert [g["size"] for g in shown["groups"]] == [30, 30]
    by_id = {s["id"]: s for s in shown["statements"]}
    assert by_id["s0"]["by_group"] is not None
    assert by_id["s10"]["agree"] == 34
    assert by_id["s10"]["by_group"] is None
    assert by_id["s10"]["gac"] is None


def test_polis_s_own_figures_are_printed() -> None:
    result = CliRunner().invoke(app, ["analyse", str(EXAMPLE), "--method", "polis", "--json"])
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert sum(g["size"] for g in shown["groups"]) == shown["participants_in"]
    ids = {s["id"] for s in shown["statements"]}
    assert all(r["id"] in ids for g in shown["groups"] for r in g["representative"])
    assert all(g["representative"] for g in shown["groups"])
    read = CliRunner().invoke(app, ["analyse", str(EXAMPLE), "--method", "polis"]).stdout
    assert "is shown by" in read
    assert "simulated" in read


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
