"""Every consultation of the reference data is read as it was counted by others, and has an opinion in seconds.

Without ../shared/data nothing here is checked: neither that real exports are read, nor that votes are counted as Polis did.
"""

import csv
import time
from pathlib import Path

import numpy as np
import pytest

from folkmoot.listen.consultation import Consultation
from folkmoot.listen.opinion import analyse
from folkmoot.listen.reading import read_consultation
from folkmoot.opinion_file import read_opinion, write_opinion

pytestmark = pytest.mark.real

DATA = Path(__file__).parents[3] / "shared" / "data"
SIZES = {  # participants with a vote, statements, votes that count
    "ccai/clean": (1002, 275, 34563),
    "ccai/raw": (1126, 1418, 38252),
    "polis/15-per-hour-seattle": (339, 54, 2872),
    "polis/american-assembly.bowling-green": (2031, 896, 225524),
    "polis/austria-climate.2vkxcncppn.2022-07-07": (1756, 1039, 130798),
    "polis/austria-climate.5twd2jsnkf.2022-08-08": (1116, 522, 61384),
    "polis/bg2050-volunteers": (126, 371, 14283),
    "polis/brexit-consensus": (204, 50, 5303),
    "polis/canadian-electoral-reform": (448, 174, 11950),
    "polis/football-concussions": (1487, 298, 14328),
    "polis/scoop-hivemind.biodiversity": (536, 316, 29719),
    "polis/scoop-hivemind.freshwater": (117, 80, 3972),
    "polis/scoop-hivemind.ubi": (234, 71, 7153),
    "polis/vtaiwan.uberx": (1921, 197, 49443),
}
WITH_LOG = [name for name in SIZES if (DATA / name / "votes.csv").exists()]

if not DATA.is_dir():
    pytest.skip("../shared/data is absent: nothing is checked on real exports", allow_module_level=True)


def by_statement(consultation: Consultation) -> dict[str, tuple[int, int, int]]:
    counts = {}
    for s, statement in enumerate(consultation.statements):
        votes = consultation.vote_V[consultation.statement_V == s]
        if len(votes):
            counts[statement.id] = (int((votes == 1).sum()), int((votes == -1).sum()), int((votes == 0).sum()))
    return counts


def matrix_by_statement(path: Path) -> dict[str, tuple[int, int, int]]:
    """Count the matrix as plainly as possible, with nothing of ours."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    counts = {}
    for at, name in enumerate(header):
        if name.isdigit():
            votes = [float(row[at]) for row in rows if row[at]]
            if votes:
                counts[name] = (votes.count(1), votes.count(-1), votes.count(0))
    return counts


@pytest.mark.parametrize("name", SIZES)
def test_every_consultation_is_read_and_counted_as_in_its_matrix(name: str) -> None:
    read = read_consultation(DATA / name)
    assert (read.participants, len(read.statements), len(read.vote_V)) == SIZES[name]
    assert by_statement(read) == matrix_by_statement(DATA / name / "participants-votes.csv")
    assert read.simulated is False
    assert ("CC BY 4.0" in read.attribution) == name.startswith("polis/")


def test_some_logs_hold_changed_votes_so_that_the_last_one_matters() -> None:
    assert len(WITH_LOG) == 10
    rows = sum(1 for name in WITH_LOG for _ in csv.reader((DATA / name / "votes.csv").open(encoding="utf-8"))) - len(
        WITH_LOG
    )
    assert rows > sum(SIZES[name][2] for name in WITH_LOG)


@pytest.mark.parametrize("name", SIZES)
def test_every_consultation_has_an_opinion_in_seconds(name: str, tmp_path: Path) -> None:
    read = read_consultation(DATA / name)
    started = time.process_time()
    opinion = analyse(read)
    assert time.process_time() - started < 60, "measured: at most 1.4 s; far beyond it something is quadratic"
    assert sum(opinion.group_sizes) == opinion.participants_in <= opinion.participants
    assert all(s.agreed is False for s in opinion.statements if s.statement.moderated == -1 or s.statement.is_meta)
    write_opinion(opinion, tmp_path / "opinion.json")
    assert read_opinion(tmp_path / "opinion.json") == opinion


@pytest.mark.parametrize("name", ["ccai/clean", "polis/brexit-consensus", "polis/bg2050-volunteers"])
def test_the_order_of_people_and_votes_changes_nothing(name: str) -> None:
    read = read_consultation(DATA / name)
    rng = np.random.default_rng(1)
    order = rng.permutation(len(read.vote_V))
    numbers = rng.permutation(read.participants).astype(np.int32)
    shuffled = Consultation(
        name=read.name,
        statements=read.statements,
        participant_V=numbers[read.participant_V[order]],
        statement_V=read.statement_V[order],
        vote_V=read.vote_V[order],
        participants=read.participants,
        attribution=read.attribution,
        language=read.language,
    )
    assert analyse(shuffled) == analyse(read)


def test_the_published_group_column_of_ccai_is_not_read(tmp_path: Path) -> None:
    """That column does not belong to its rows (see the README of the data)."""
    (tmp_path / "comments.csv").write_bytes((DATA / "ccai/clean/comments.csv").read_bytes())
    with (DATA / "ccai/clean/participants-votes.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    at = header.index("group-id")
    with (tmp_path / "participants-votes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *([*row[:at], "0", *row[at + 1 :]] for row in rows)])
    ours, theirs = (analyse(read_consultation(path)) for path in (tmp_path, DATA / "ccai/clean"))
    assert ours.statements == theirs.statements
