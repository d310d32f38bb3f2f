"""The opinion file gives back what was written, always in the same bytes, and says what is wrong with another file."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from folkmoot.errors import FolkmootError
from folkmoot.opinion_file import read_opinion, write_opinion
from folkmoot.records import Band, Opinion, Statement, StatementOpinion, Tally

counts = st.integers(0, 10_000)
shares = st.floats(0, 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
tallies = st.builds(Tally, counts, counts, counts)


@st.composite
def opinions(draw: st.DrawFn) -> Opinion:
    groups = draw(st.integers(1, 3))
    by_group = st.lists(tallies, min_size=groups, max_size=groups).map(tuple)
    statements = st.builds(Statement, texts.filter(bool), texts, st.sampled_from([-1, 0, 1]), st.booleans())
    one = st.builds(
        StatementOpinion,
        statements,
        tallies,
        by_group,
        shares,
        st.tuples(shares, shares),
        st.booleans(),
        shares,
        st.sampled_from(Band),
    )
    many = draw(st.lists(one, max_size=4, unique_by=lambda s: s.statement.id))
    sizes = tuple(draw(st.lists(counts, min_size=groups, max_size=groups)))
    return Opinion(
        draw(texts),
        draw(counts),
        draw(counts),
        draw(counts),
        draw(shares),
        sizes,
        tuple(many),
        draw(texts),
        draw(st.booleans()),
        "de",
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(opinions())
def test_what_is_read_is_what_was_written_in_the_same_bytes(tmp_path: Path, opinion: Opinion) -> None:
    path = tmp_path / "opinion.json"
    write_opinion(opinion, path)
    first = path.read_bytes()
    assert read_opinion(path) == opinion
    write_opinion(read_opinion(path), path)
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["opinion.json"]


OPINION = Opinion(
    "town", 30, 20, 99, 0.7225, (11, 9),
    (StatementOpinion(Statement("1", "One"), Tally(9, 1, 2), (Tally(5, 1, 1), Tally(4, 0, 1)), 0.5, (0.4, 0.6), False, 0.02, Band.NOT_AGREED),),
)  # fmt: skip


def _drop(field: str) -> Callable[[dict[str, Any]], object]:
    return lambda plain: plain.pop(field)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_drop("votes"), "votes"),
        (lambda p: p.update(schema_version=1), "schema_version"),
        (lambda p: p.update(participant_ids=[1]), "participant_ids"),
        (lambda p: p.update(votes=-1), "votes"),
        (lambda p: p["statements"][0]["by_group"].pop(), "another number of groups"),
        (lambda p: p["statements"].append(p["statements"][0]), "twice"),
        (lambda p: p["statements"][0]["overall"].update(agree=1.5), "statements.0.overall.agree"),
    ],
)
def test_another_file_is_refused_by_field(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    path = tmp_path / "opinion.json"
    write_opinion(OPINION, path)
    plain = json.loads(path.read_bytes())
    change(plain)
    path.write_text(json.dumps(plain))
    with pytest.raises(FolkmootError, match=said):
        read_opinion(path)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[]", b"\0"])
def test_no_json_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "opinion.json"
    path.write_bytes(raw)
    with pytest.raises(FolkmootError, match=r"no opinion file(.|\n)*opinion\.json"):
        read_opinion(path)


def test_a_missing_file_and_a_folder_that_is_none_are_said(tmp_path: Path) -> None:
    with pytest.raises(FolkmootError, match="folkmoot listen"):
        read_opinion(tmp_path / "opinion.json")
    (tmp_path / "file").touch()
    with pytest.raises(FolkmootError, match="cannot write"):
        write_opinion(OPINION, tmp_path / "file" / "opinion.json")


def test_what_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    for wrong in (
        replace(OPINION, threshold=float("nan")),
        replace(OPINION, group_sizes=(20,)),
        replace(OPINION, consultation="\ud800"),
    ):
        with pytest.raises(FolkmootError, match="cannot be written"):
            write_opinion(wrong, tmp_path / "opinion.json")
    assert not list(tmp_path.iterdir())
