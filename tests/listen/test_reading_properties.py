"""What is written in any form is read back: the same votes on the same statements, in folder and zip, in any order."""

import csv
import io
import json
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from folkmoot.listen.consultation import Consultation
from folkmoot.listen.reading import read_consultation

Log = list[tuple[int, int, int, int]]  # participant, statement, vote, seconds since 1970
Tables = dict[str, list[list[object]]]
FORMS = ("older", "newer", "matrix", "long", "json")
# any text at all, but for what cannot be seen and for white space at the ends, which reading takes away
texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp", "Cn"]), max_size=30).map(str.strip)
times = st.integers(200_000_000, 4_000_000_000)  # from 1976 on milliseconds cannot be taken for seconds
rows = st.tuples(st.integers(0, 5), st.integers(0, 4), st.sampled_from([-1, 0, 1]), times)
logs: st.SearchStrategy[Log] = st.lists(rows, min_size=1, max_size=30, unique_by=lambda row: row[3])
quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def current(log: Log) -> dict[tuple[int, int], int]:
    return {(p, s): v for p, s, v, _ in sorted(log, key=lambda row: row[3])}


def tables(form: str, statements: list[str], log: Log) -> Tables:
    """The files of a form, each as rows beneath a header."""
    said = current(log)
    people = sorted({p for p, *_ in log})
    body = [[s, 1, text] for s, text in enumerate(statements)]
    comments: Tables = {"comments.csv": [["comment-id", "moderated", "comment-body"], *body]}
    unit = 1000 if form == "older" else 1
    votes = [["timestamp", "comment-id", "voter-id", "vote"], *([t * unit, s, p, v] for p, s, v, t in log)]
    columns = range(len(statements))
    matrix = [["participant", *columns], *([p, *(said.get((p, s), "") for s in columns)] for p in people)]
    forms: dict[str, Tables] = {
        "older": comments | {"votes.csv": votes, "participants-votes.csv": matrix},
        "newer": comments | {"votes.csv": votes, "participant-votes.csv": matrix},
        "matrix": comments | {"participants-votes.csv": matrix},
        "long": {
            "statements.csv": [["statement", "text"], *([s, text] for s, text in enumerate(statements))],
            "votes.csv": [["participant", "statement", "vote", "timestamp"], *map(list, log)],
        },
        "json": {
            "comments.json": [["tid", "txt"], *([s, text] for s, text in enumerate(statements))],
            "votes.json": [["pid", "tid", "vote", "modified"], *map(list, log)],
        },
    }
    return forms[form]


def mixed(table: list[list[object]], shuffler: random.Random) -> list[list[object]]:
    """Put rows and columns into another order."""
    header, *body = table
    shuffler.shuffle(body)
    order = shuffler.sample(range(len(header)), len(header))
    return [[row[at] for at in order] for row in (header, *body)]


def encoded(name: str, table: list[list[object]]) -> bytes:
    header, *body = table
    if name.endswith(".json"):
        return json.dumps([dict(zip(map(str, header), row, strict=True)) for row in body]).encode()
    text = io.StringIO()
    csv.writer(text).writerows(table)
    return text.getvalue().encode()


def written(folder: Path, files: Tables, *, in_zip: bool) -> Path:
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    raw = {name: encoded(name, table) for name, table in files.items()}
    if in_zip:
        with zipfile.ZipFile(folder / "export.zip", "w") as archive:
            for name, content in raw.items():
                archive.writestr(name, content)
        return folder / "export.zip"
    for name, content in raw.items():
        (folder / name).write_bytes(content)
    return folder


def by_person(read: Consultation) -> list[list[tuple[str, int]]]:
    """What each person voted, without saying who; what remains of a log up to renumbering."""
    people: list[list[tuple[str, int]]] = [[] for _ in range(read.participants)]
    for p, s, v in zip(read.participant_V, read.statement_V, read.vote_V, strict=True):
        people[p].append((read.statements[s].id, int(v)))
    return sorted(sorted(said) for said in people)


@pytest.mark.parametrize("form", FORMS)
@quick
@given(
    statements=st.lists(texts, min_size=5, max_size=7),
    log=logs,
    in_zip=st.booleans(),
    shuffler=st.randoms(use_true_random=False),
)
def test_what_was_written_is_read(
    form: str, tmp_path: Path, *, statements: list[str], log: Log, in_zip: bool, shuffler: random.Random
) -> None:
    expected: dict[int, list[tuple[str, int]]] = {}
    for (p, s), v in current(log).items():
        expected.setdefault(p, []).append((str(s), v))
    plain = tables(form, statements, log)
    for files in (plain, {name: mixed(table, shuffler) for name, table in plain.items()}):
        read = read_consultation(written(tmp_path / "export", files, in_zip=in_zip))
        assert by_person(read) == sorted(sorted(said) for said in expected.values())
        assert [s.text for s in read.statements] == statements
        if form != "matrix":
            last = {(p, s): 1000.0 * t for p, s, _, t in sorted(log, key=lambda row: row[3])}
            assert read.time_V is not None
            assert sorted(read.time_V.tolist()) == sorted(last.values())
