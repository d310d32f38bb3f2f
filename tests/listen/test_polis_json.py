"""What Polis's server keeps is read in both namings, and what it never writes is refused by name."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import FolkmootError
from folkmoot.listen.reading import read_consultation

Write = Callable[[Mapping[str, str | bytes]], Path]
COMMENTS: list[dict[str, Any]] = [
    {"tid": 10, "txt": "Ten", "mod": 1, "is_meta": False},
    {"tid": 2, "txt": "Two", "mod": -1, "is_meta": True},
]
VOTES: list[dict[str, Any]] = [
    {"pid": 7, "tid": 10, "vote": 1, "modified": "1500000000000"},
    {"pid": 7, "tid": 10, "vote": -1, "modified": "1500000000001"},
    {"pid": 8, "tid": 2, "vote": 0, "modified": 1500000000000.0},
]


def files(comments: object = COMMENTS, votes: object = VOTES) -> dict[str, str]:
    return {"comments.json": json.dumps(comments), "votes.json": json.dumps(votes)}


def renamed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {"tid": "statement_id", "pid": "participant_id", "mod": "moderated"}
    return [{names.get(key, key): value for key, value in row.items()} for row in rows]


@pytest.mark.parametrize("name", [lambda rows: rows, renamed], ids=["older", "newer"])
def test_both_namings_are_read(
    write_folder: Write, name: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> None:
    found = read_consultation(write_folder(files(name(COMMENTS), name(VOTES))))
    assert [(s.id, s.text, s.moderated, s.is_meta) for s in found.statements] == [
        ("2", "Two", -1, True),
        ("10", "Ten", 1, False),
    ]
    votes = sorted(zip(found.participant_V, found.statement_V, found.vote_V, strict=True))
    assert votes == [(0, 1, -1), (1, 0, 0)]  # the later vote counts
    assert found.time_V is not None
    assert sorted(found.time_V) == [1500000000000, 1500000000001]


@pytest.mark.parametrize(
    ("comments", "votes", "says"),
    [
        (COMMENTS, [{**VOTES[0], "vote": 7}], "votes.json, entry 1, vote"),
        (COMMENTS, [{"pid": 7, "vote": 1}], "votes.json, entry 1, tid"),
        (COMMENTS, [{**VOTES[0], "tid": 99}], "votes.json, entry 1"),
        (COMMENTS, [{**VOTES[0], "modified": "yesterday"}], "votes.json, entry 1"),
        ([*COMMENTS, COMMENTS[0]], VOTES, "comments.json, entry 3"),
        ([{**COMMENTS[0], "mod": 2}], VOTES, "comments.json, entry 1, mod"),
        ({"rows": COMMENTS}, VOTES, "comments.json"),
    ],
)
def test_one_message_names_file_entry_and_field(
    write_folder: Write, comments: object, votes: object, says: str
) -> None:
    with pytest.raises(FolkmootError) as error:
        read_consultation(write_folder(files(comments, votes)))
    assert says in str(error.value)


def test_a_missing_or_broken_file_is_named(write_folder: Write) -> None:
    with pytest.raises(FolkmootError, match=r"votes\.json is missing"):
        read_consultation(write_folder({"comments.json": json.dumps(COMMENTS)}))
    with pytest.raises(FolkmootError, match="not what Polis writes"):
        read_consultation(write_folder({**files(), "votes.json": b"\xff\x00["}))
