"""Odd consultations, one by one, through every verb of `folkmoot listen`: a right answer, or one clear message."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from folkmoot.cli.listen import app
from folkmoot.errors import FolkmootError

Rows = Sequence[Sequence[int | None]]
Files = dict[str, bytes]
VERBS: dict[str, tuple[str, ...]] = {
    "show": ("show",),
    "analyse": ("analyse",),
    "polis": ("analyse", "--method", "polis"),
    "predict": ("predict", "--masks", "2"),
}
TOO_FEW = "too few, or too much alike"
TURNING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def town(rows: Rows, texts: Sequence[str] = (), *, mark: bytes = b"") -> Files:
    """The long form of a matrix in which None is unseen."""
    texts = texts or [f"Statement {s}" for s in range(len(rows[0]))]
    statements = "".join(f's{s},"{text}"\n' for s, text in enumerate(texts))
    votes = "".join(
        f"p{p},s{s},{vote}\n" for p, row in enumerate(rows) for s, vote in enumerate(row) if vote is not None
    )
    return {
        "statements.csv": mark + f"statement,text\n{statements}".encode(),
        "votes.csv": mark + f"participant,statement,vote\n{votes}".encode(),
    }


def drawn(people: int, statements: int) -> list[list[int | None]]:
    rng = np.random.default_rng(0)
    return [[int(v) for v in row] for row in rng.choice([-1, 0, 1], (people, statements))]


def timed(votes: Sequence[tuple[int, int, str]]) -> Files:
    """Forty people agree with seven statements at noon; then more votes on the first: (person, vote, time)."""
    noon = [(p, s, 1, "2026-01-01T12:00:00Z") for p in range(40) for s in range(7)]
    rows = [*noon, *((p, 0, vote, time) for p, vote, time in votes)]
    lines = "".join(f"p{p},s{s},{v},{t}\n" for p, s, v, t in rows)
    return town([[1] * 7]) | {"votes.csv": f"participant,statement,vote,timestamp\n{lines}".encode()}


def server(mark: bytes = b"", encoding: str = "utf-8") -> Files:
    comments = [{"tid": s, "txt": f"Statement {s}"} for s in range(8)]
    votes = [{"pid": p, "tid": s, "vote": 1} for p in range(40) for s in range(8)]
    return {
        "comments.json": mark + json.dumps(comments).encode(encoding),
        "votes.json": json.dumps(votes).encode(),
    }


AGREE: Rows = [[1] * 8] * 40
READ: dict[str, Files] = {
    "everybody agrees with everything": town(AGREE),
    "everybody disagrees with everything": town([[-1] * 8] * 40),
    "everybody says the same": town([[1, -1, 0, 1, 1, -1, 1, 1]] * 60),
    "everybody passes": town([[0] * 8] * 60),
    "one camp only passes": town([[0] * 10] * 30 + [[1] * 5 + [-1] * 5] * 30),
    "one participant": town([[1, -1, 0, 1, 1, -1, 1, 1]]),
    "two participants": town([[1] * 8, [-1] * 8]),
    "one statement": town([[1]] * 30 + [[-1]] * 30),
    "one vote": town([[1]]),
    "constant columns": town([[1, 1, -1, -1, 0, 0, *row] for row in drawn(60, 6)]),
    "a statement that nobody saw": town([[*row, None] for row in drawn(60, 9)]),
    "most people cast one vote": town([*AGREE, *([1, *[None] * 7] for _ in range(60))]),
    "statements that read the same": town(AGREE, ["The same words"] * 8),
    "statements without a text": town(AGREE, [""] * 8),
    "very long texts": town(AGREE, ["long " * 2_000] * 8),
    "texts of what cannot be seen": town(AGREE, ["\u200b\u200d\ufeff"] * 8),
    "texts that turn the line": town(AGREE, ["\u202e\u2067eerga \u200fyldnik"] * 8),
    "texts that look like markup": town(AGREE, ["[bold]x[/nope] :smile: [link=file:///etc]y[/]"] * 8),
    "ids that are no numbers": {
        name: raw.replace(b"s", "é/ü [b] ".encode()).replace("é/ü [b] tatement".encode(), b"statement")
        for name, raw in town(AGREE).items()
    },
    "a byte order mark": town(AGREE, mark=b"\xef\xbb\xbf"),
    "a byte order mark before JSON": server(b"\xef\xbb\xbf"),
    "votes changed many times": timed([(p, v, f"2026-01-0{2 + v}T00:00:00Z") for p in range(40) for v in (1, 0)]),
    "clocks that jump": timed([(p, -1, time) for p, time in enumerate(["-1", "0", "1e10", "4e12", "1970-01-01"])]),
}
PREDICTED = {"everybody says the same", "one camp only passes", "constant columns", "a statement that nobody saw"}
REFUSED: dict[str, tuple[Files, str]] = {
    "no vote": (town([[None] * 8] * 3), "0 votes"),
    "no statement": (town(AGREE) | {"statements.csv": b"statement,text\n", "votes.csv": b"participant,statement,vote\n"}, "0 statements"),
    "Latin-1": (town(AGREE) | {"statements.csv": "statement,text\ns0,é\n".encode("latin-1")}, "not UTF-8"),
    "UTF-16": (town(AGREE) | {"statements.csv": "statement,text\ns0,é\n".encode("utf-16")}, "UTF-16"),
    "UTF-16 without a mark": (town(AGREE) | {"statements.csv": "statement,text\n".encode("utf-16-le")}, "NUL"),
    "UTF-16 in JSON": (server(encoding="utf-16"), "UTF-16"),
    "a NUL": (town(AGREE, ["a\0b"] * 8), "NUL"),
    "a text beyond all measure": (town(AGREE, ["x" * 10_001] * 8), "10,001 characters"),
    "an id beyond all measure": (
        {name: raw.replace(b'"tid": 7', b'"tid": ' + b"7" * 300) for name, raw in server().items()},
        "comments.json, entry 8",
    ),
    "an id that drives a terminal": ({n: r.replace(b"s7,", b"\x1b[2J,") for n, r in town(AGREE).items()}, "cannot be seen"),
    "nobody with enough votes": (town([[1 if s == p % 10 else None for s in range(10)] for p in range(60)]), "nobody cast"),
}  # fmt: skip


def write(folder: Path, files: Files) -> Path:
    folder.mkdir(exist_ok=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    return folder


def asked(verb: str, folder: Path) -> dict[str, Any] | FolkmootError:
    """Return what a verb prints as JSON, or its refusal."""
    read = CliRunner().invoke(app, [*VERBS[verb], str(folder), "--json"])
    if read.exception is not None:
        assert isinstance(read.exception, FolkmootError), repr(read.exception)
        assert read.exception.where
        assert read.exception.do
        assert not TURNING.search(str(read.exception))
        return read.exception
    assert not TURNING.search(read.stdout + read.stderr)
    found: dict[str, Any] = json.loads(read.stdout, parse_constant=no_number)
    return found


def no_number(constant: str) -> None:
    raise AssertionError(f"{constant} is no figure")


def intervals(value: Any) -> list[tuple[float, float]]:
    if isinstance(value, dict):
        own = [tuple(value["ci"])] if "ci" in value else []
        return own + [pair for inner in value.values() for pair in intervals(inner)]
    return [pair for inner in value for pair in intervals(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("verb", ["show", "analyse", "polis"])
@pytest.mark.parametrize("name", READ)
def test_an_odd_consultation_has_an_opinion(name: str, verb: str, tmp_path: Path) -> None:
    found = asked(verb, write(tmp_path, READ[name]))
    assert isinstance(found, dict), str(found)
    sizes = found["group_sizes"] if verb == "show" else [group["size"] for group in found["groups"]]
    assert sum(sizes) == found["participants_in"] <= found["participants"]
    assert all(low <= high for low, high in intervals(found))
    plain = CliRunner().invoke(app, [*VERBS[verb], str(tmp_path)])
    assert plain.exit_code == 0
    assert not TURNING.search(plain.stdout + plain.stderr)


@pytest.mark.parametrize("name", READ)
def test_votes_are_predicted_where_there_are_some_hundreds_of_either_kind(name: str, tmp_path: Path) -> None:
    found = asked("predict", write(tmp_path, READ[name]))
    if name in PREDICTED:
        assert isinstance(found, dict), str(found)
        assert all(low <= high for low, high in intervals(found))
    else:
        assert isinstance(found, FolkmootError)
        assert TOO_FEW in found.what


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_every_verb(name: str, verb: str, tmp_path: Path) -> None:
    files, said = REFUSED[name]
    found = asked(verb, write(tmp_path, files))
    if (name, verb) == ("nobody with enough votes", "polis"):
        assert isinstance(found, dict)  # there the fifteen most active are in, however little they voted
        assert found["participants_in"] == 15
    elif (name, verb) == ("nobody with enough votes", "predict"):
        assert isinstance(found, FolkmootError)
        assert TOO_FEW in found.what
    else:
        assert isinstance(found, FolkmootError)
        assert said in str(found)


@pytest.mark.parametrize("shape", [(400, 1), (1, 400), (150, 2)])
def test_a_narrow_consultation_is_predicted(shape: tuple[int, int], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    found = asked("predict", write(tmp_path, town(rng.choice([-1, 1], shape).tolist())))
    assert isinstance(found, dict), str(found)
    assert all(0 <= m["accuracy"]["value"] <= 1 for m in found["methods"].values())


# ------------------------------------------------------------------ right answers


def analysed(tmp_path: Path, name: str, verb: str = "analyse") -> dict[str, Any]:
    found = asked(verb, write(tmp_path, READ[name]))
    assert isinstance(found, dict)
    return found


def test_the_last_vote_of_each_counts_once(tmp_path: Path) -> None:
    found = analysed(tmp_path, "votes changed many times")
    assert found["votes"] == 40 * 7
    assert [found["statements"][0][side] for side in ("agree", "disagree", "pass")] == [40, 0, 0]


def test_a_clock_that_jumped_back_changes_no_vote(tmp_path: Path) -> None:
    first = analysed(tmp_path, "clocks that jump")["statements"][0]
    assert (first["agree"], first["disagree"]) == (38, 2)  # 1e10 s and 4e12 ms lie ahead, the others before


def test_all_agreeing_is_one_group_and_certain(tmp_path: Path) -> None:
    found = analysed(tmp_path, "everybody agrees with everything")
    assert (found["k"], found["stability"]) == (1, None)
    assert {s["band"] for s in found["statements"]} == {"agreed"}


@pytest.mark.parametrize("name", ["everybody passes", "everybody disagrees with everything"])
def test_passing_and_disagreeing_is_no_agreement(tmp_path: Path, name: str) -> None:
    found = analysed(tmp_path, name)
    assert found["k"] == 1
    assert {s["band"] for s in found["statements"]} == {"not agreed"}
    assert analysed(tmp_path, name, "polis")["majority"]["agree"] == []


def test_who_only_passes_is_a_camp_of_its_own_and_agrees_to_nothing(tmp_path: Path) -> None:
    found = analysed(tmp_path, "one camp only passes")
    assert sorted(g["size"] for g in found["groups"]) == [30, 30]
    assert {s["band"] for s in found["statements"]} == {"not agreed"}


@pytest.mark.parametrize("verb", ["analyse", "polis"])
def test_of_a_statement_that_nobody_saw_nothing_is_said(tmp_path: Path, verb: str) -> None:
    unseen = analysed(tmp_path, "a statement that nobody saw", verb)["statements"][-1]
    assert all(unseen[name] is None for name in ("agree", "disagree", "pass", "gac", "by_group"))
    assert unseen.get("band", "insufficiently seen") == "insufficiently seen"


def test_statements_that_read_the_same_stay_two_statements(tmp_path: Path) -> None:
    statements = analysed(tmp_path, "statements that read the same")["statements"]
    assert [s["id"] for s in statements] == [f"s{s}" for s in range(8)]
    assert {s["agree"] for s in statements} == {40}


def test_one_participant_is_no_public(tmp_path: Path) -> None:
    found = analysed(tmp_path, "one participant")
    assert {s["band"] for s in found["statements"]} == {"insufficiently seen"}
    assert all(s["agree"] is None for s in found["statements"])


def test_a_line_is_shown_in_the_order_it_is_written(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["show", str(write(tmp_path, READ["texts that turn the line"]))]).stdout
    assert "eerga yldnik" in shown


@pytest.mark.parametrize("name", [b"caf\xe9", b"\x1b[31mred", "a\u202eb".encode(), b"[red]x[nope]"])
def test_the_name_of_a_folder_is_harmless(tmp_path: Path, name: bytes) -> None:
    folder = write(tmp_path / os.fsdecode(name), town(AGREE))
    for verb in ("show", "analyse"):
        assert isinstance(asked(verb, folder), dict)
        plain = CliRunner().invoke(app, [verb, str(folder)])
        assert plain.exit_code == 0
        assert not TURNING.search(plain.stdout)
