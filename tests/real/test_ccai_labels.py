"""The published groups of Collective Constitutional AI stand beside the wrong people; with their own people others agree.

Without ../shared/data nothing here is checked: neither the finding of docs/ccai-groups.md nor its figures.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "ccai"
PAGE = ROOT / "docs" / "ccai-groups.md"

if not DATA.is_dir():
    pytest.skip("../shared/data is absent: the finding on published groups is not checked", allow_module_level=True)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What the benchmark prints, with twenty reruns of the published processing."""
    program = [sys.executable, str(ROOT / "benchmarks" / "run_ccai_groups.py"), "--seeds", "20", "--json"]
    printed = subprocess.run([*program, "--data", str(DATA)], capture_output=True, text=True, check=True).stdout
    made: dict[str, Any] = json.loads(printed)
    return made


def test_the_rows_are_not_in_the_order_of_ids(found: dict[str, Any]) -> None:
    assert (found["people"], found["votes"]) == (1002, 34563)
    assert found["groups"]["published"] == [619, 383]
    assert found["rows_in_order_of_ids"] is False


@pytest.mark.parametrize("pair", ["published, Polis", "published, realigned"])
def test_published_groups_agree_with_neither_polis_nor_themselves_realigned(found: dict[str, Any], pair: str) -> None:
    rand = found["rand"][pair]
    assert rand["by_lot"][0] - 0.001 <= rand["value"] <= rand["by_lot"][1]
    assert rand["ci"][1] < 0.01


def test_the_published_processing_gives_the_published_labels_only_row_by_row(found: dict[str, Any]) -> None:
    rand = found["rand"]
    assert rand["published, rerun"]["median"] == pytest.approx(0, abs=0.006)
    assert rand["published, rerun by row"]["median"] == pytest.approx(0.92, abs=0.01)
    assert rand["rerun, Polis"]["median"] == pytest.approx(0.70, abs=0.01)
    assert rand["realigned, Polis"]["value"] == pytest.approx(0.725, abs=0.001)
    assert rand["published, rerun"]["range"][1] < 0.01
    assert rand["published, rerun by row"]["range"][0] > 0.5


def test_answers_tell_the_realigned_group_and_not_the_published_one(found: dict[str, Any]) -> None:
    published, realigned, polis = (
        found["prediction"][name]["from_answers"] for name in ("published", "realigned", "polis")
    )
    assert published["auc"]["ci"][0] < 0.5 < published["auc"]["ci"][1]
    assert published["p"] > 0.05
    assert published["accuracy"]["value"] < found["prediction"]["published"]["majority_share"]["value"]
    for told in (realigned, polis):
        assert told["p"] <= 0.001
        assert told["accuracy"]["ci"][0] > 0.9


def test_fewer_statements_pass_with_groups_that_belong_to_their_people(found: dict[str, Any]) -> None:
    passing = found["consensus"]
    assert (passing["published"], passing["realigned"], passing["polis"]) == (96, 89, 86)
    assert passing["by_lot"]["ci"][0] <= 96 <= passing["by_lot"]["ci"][1]
    assert 89 <= passing["rerun"]["median"] <= 92
    assert passing["rerun"]["ci"][1] < 96
    assert passing["of_published_in_realigned"] == 96 - len(passing["leave"]) == 89 - len(passing["enter"])


def test_the_page_names_the_statements_that_enter_and_leave(found: dict[str, Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for verb in ("leave", "enter"):
        listed = re.search(rf"^\| {verb} \| ([\d, ]+) \|", page, re.MULTILINE)
        assert listed is not None
        assert listed[1].split(", ") == found["consensus"][verb]


def test_nothing_is_printed_but_figures_and_ids(found: dict[str, Any]) -> None:
    assert all(len(word) < 40 for word in re.findall(r'"([^"]*)"', json.dumps(found)))


def test_every_figure_of_reruns_names_its_seeds_and_every_other_its_people(found: dict[str, Any]) -> None:
    for name, rand in found["rand"].items():
        assert rand.get("seeds") == 20 or rand.get("n") == 1002, name
