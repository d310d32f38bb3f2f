"""`folkmoot listen import`, `export` and `erase`, as docs/import-polis.md walks through them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from folkmoot.cli import app
from folkmoot.errors import FolkmootError
from folkmoot.listen.reading import shown_reference

EXAMPLE = Path(__file__).parents[2] / "examples" / "harbour-town"


def said(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def stored(tmp_path: Path) -> str:
    return str(said("listen", "import", str(EXAMPLE), "--store", f"sqlite:///{tmp_path / 'town.db'}")["consultation"])


def test_the_walk_of_the_how_to(stored: str, tmp_path: Path) -> None:
    assert stored.endswith("town.db#harbour-town")
    before, kept = said("listen", "show", str(EXAMPLE)), said("listen", "show", stored)
    assert kept == before
    assert kept["simulated"] is True
    out = tmp_path / "out.zip"
    assert said("listen", "export", stored, "--out", str(out))["votes"] == kept["votes"]
    assert said("listen", "show", str(out)) == before
    erased = said("listen", "erase", stored, "--participant", "17")
    assert erased["erased_participants"] == 1
    assert erased["left"]["votes"] == kept["votes"] - erased["votes"]
    assert said("listen", "show", stored)["participants"] == kept["participants"] - 1


def test_a_draft_from_a_store_is_reused_until_somebody_votes_or_leaves(stored: str, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    first = CliRunner().invoke(app, ["draft", stored, "--out", str(out), "--json"])
    again = CliRunner().invoke(app, ["draft", stored, "--out", str(out), "--json"])
    assert first.exit_code == again.exit_code == 0
    assert "already done, reused" in again.stderr
    read = json.loads((out / "listen" / "inputs.json").read_text())["consultation"]
    assert read["stored"] == stored
    said("listen", "erase", stored, "--participant", "17")
    changed = CliRunner().invoke(app, ["draft", stored, "--out", str(out)])
    assert isinstance(changed.exception, FolkmootError)
    assert "consultation" in str(changed.exception)


def test_a_password_is_written_nowhere() -> None:

    assert shown_reference("postgresql://me:secret@host/db#town") == "postgresql://me:***@host/db#town"
    assert shown_reference("postgresql://me@host/db#town") == "postgresql://me@host/db#town"
