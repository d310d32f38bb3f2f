"""`folkmoot listen analyse --json` says the same kind of thing about every reference consultation."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from folkmoot.cli import app

pytestmark = pytest.mark.real

DATA = Path(__file__).parents[3] / "shared" / "data"
if not DATA.is_dir():
    pytest.skip("../shared/data is absent: nothing is checked on real exports", allow_module_level=True)
GIVEN = sorted(path for path in [*(DATA / "polis").iterdir(), *(DATA / "ccai").iterdir()] if path.is_dir())


def test_there_are_fourteen() -> None:
    assert len(GIVEN) == 14


@pytest.mark.parametrize("path", GIVEN, ids=[path.name for path in GIVEN])
def test_every_figure_is_there_and_hangs_together(path: Path) -> None:
    result = CliRunner().invoke(app, ["listen", "analyse", str(path), "--json"])
    assert result.exit_code == 0, result.exception
    said = json.loads(result.stdout)
    assert said.keys() >= {
        "participants",
        "votes",
        "participants_in",
        "k",
        "groups",
        "stability",
        "statements",
        "seconds",
    }
    assert said["k"] == len(said["groups"]) >= 1
    assert sum(group["size"] for group in said["groups"]) == said["participants_in"] <= said["participants"]
    assert (said["stability"] is None) == (said["k"] == 1)
    for one in said["statements"]:
        wanted = "id text agree disagree pass gac gac_fair bridging inclusion_probability band by_group"
        assert one.keys() >= set(wanted.split())
        assert 0 <= one["inclusion_probability"] <= 1
        if one["by_group"] is not None:
            assert len(one["by_group"]) == said["k"]
            assert all(g["agree"] + g["disagree"] + g["pass"] >= 10 for g in one["by_group"])
            assert sum(g["agree"] for g in one["by_group"]) <= one["agree"]
            low, high = one["gac"]["ci"]
            assert 0 <= low <= high <= 1
    agreed = [one for one in said["statements"] if one["band"] == "agreed"]
    assert all(one["agreed"] for one in agreed)
