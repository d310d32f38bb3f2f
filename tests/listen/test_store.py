"""A store keeps every vote, forgets whom it is told to forget, and cannot be made to lie."""

import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from folkmoot.errors import FolkmootError, MissingExtra
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.reading import read_consultation, read_with_names
from folkmoot.listen.schema import metadata
from folkmoot.listen.store import Store, open_store

Write = Callable[[Mapping[str, str | bytes]], Path]


def cells(consultation: Consultation) -> dict[tuple[int, str], tuple[int, float]]:
    ids = [s.id for s in consultation.statements]
    times = np.zeros(len(consultation.vote_V)) if consultation.time_V is None else consultation.time_V
    rows = zip(consultation.participant_V, consultation.statement_V, consultation.vote_V, times, strict=True)
    return {(int(p), ids[s]): (int(v), float(t)) for p, s, v, t in rows}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'town.db'}"


@pytest.fixture
def store(url: str, write_folder: Write, polis_files: dict[str, str | bytes]) -> Iterator[Store]:
    with open_store(url, make=True) as opened:
        consultation, names = read_with_names(write_folder(polis_files))
        opened.add(consultation, names, name="town")
        yield opened


def test_what_comes_in_comes_out(store: Store, write_folder: Write, polis_files: dict[str, str | bytes]) -> None:
    given, names = read_with_names(write_folder(polis_files))
    kept, kept_names = store.read_named("town")
    assert cells(kept) == cells(given)
    assert (kept.statements, kept.name, kept.language, kept.simulated, kept.attribution) == (
        given.statements,
        given.name,
        given.language,
        given.simulated,
        given.attribution,
    )
    assert kept_names == names
    assert kept.content_hash() == given.content_hash()


def test_a_reference_is_read_like_a_path(store: Store, url: str) -> None:
    assert cells(read_consultation(f"{url}#town")) == cells(store.read("town"))
    assert cells(read_consultation(url)) == cells(store.read("town"))


def test_the_vote_that_arrives_last_counts_whatever_the_clock_says(store: Store) -> None:
    store.cast_vote("town", "7", "2", 1, at_ms=2e12)
    store.cast_vote("town", "7", "2", -1, at_ms=1e12)  # the clock was put back
    kept = store.read("town")
    assert cells(kept)[0, "2"] == (-1, 1e12)
    assert store.look_up("town").votes == 5  # nothing was written over


def test_somebody_new_comes_with_their_first_vote(store: Store) -> None:
    store.cast_vote("town", "newcomer", "3", 0)
    kept, names = store.read_named("town")
    assert names == ("7", "8", "newcomer")
    assert cells(kept)[2, "3"] == (0, 0.0)


@pytest.mark.parametrize(("statement", "vote"), [("nine", 1), ("2", 2)])
def test_a_vote_that_cannot_be_is_refused_and_nothing_is_kept(store: Store, statement: str, vote: int) -> None:
    with pytest.raises(FolkmootError):
        store.cast_vote("town", "newcomer", statement, vote)
    assert store.look_up("town").participants == 2


@pytest.mark.parametrize("change", ["UPDATE votes SET vote = 1", "DELETE FROM votes", "DELETE FROM participants"])
def test_the_database_itself_keeps_votes_as_they_were_cast(store: Store, tmp_path: Path, change: str) -> None:
    before = cells(store.read("town"))
    raw = sqlite3.connect(tmp_path / "town.db")
    raw.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(change)
    assert cells(store.read("town")) == before


def test_erasing_leaves_a_count_and_no_byte(store: Store, tmp_path: Path) -> None:
    name, time = "a-name-to-be-forgotten", 1_765_432_198_765.25
    store.cast_vote("town", name, "3", 1, at_ms=time)
    store.cast_vote("town", name, "3", -1, at_ms=time)
    signs = (name.encode(), struct.pack(">d", time))
    bytes_of = lambda: b"".join(path.read_bytes() for path in tmp_path.glob("town.db*"))  # noqa: E731
    assert all(sign in bytes_of() for sign in signs)
    assert store.erase("town", name) == 2
    assert not any(sign in bytes_of() for sign in signs)
    kept = store.look_up("town")
    assert (kept.participants, kept.votes, kept.erased_participants, kept.erased_votes) == (2, 3, 1, 2)
    with pytest.raises(FolkmootError, match="no participant"):
        store.erase("town", name)


def test_the_number_of_who_was_erased_is_never_given_again(store: Store, tmp_path: Path) -> None:
    store.cast_vote("town", "one", "3", 1)
    store.erase("town", "one")
    store.cast_vote("town", "two", "3", 1)
    with sqlite3.connect(tmp_path / "town.db") as raw:
        assert raw.execute("SELECT number FROM participants WHERE name = 'two'").fetchone() == (3,)


def test_a_name_is_taken_once_and_must_be_plain(store: Store, write_folder: Write, polis_files: dict[str, str]) -> None:
    consultation, names = read_with_names(write_folder(polis_files))
    for name in ("town", "My Town", "../town", ""):
        with pytest.raises(FolkmootError):
            store.add(consultation, names, name=name)
    assert [kept.name for kept in store.contents()] == ["town"]


def test_migrations_and_schema_give_the_same_tables(store: Store, url: str) -> None:
    assert store.contents()
    with create_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_store_of_a_newer_folkmoot_is_refused(store: Store, url: str, tmp_path: Path) -> None:
    assert store.contents()
    with sqlite3.connect(tmp_path / "town.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(FolkmootError, match="newer Folkmoot"):
        open_store(url)


@pytest.mark.parametrize(
    "address", ["sqlite:///nowhere/none.db", "sqlite://", "mysql://x/y", "no address", "postgresql://:x:y/z"]
)
def test_a_wrong_address_has_one_clear_message(address: str) -> None:
    with pytest.raises((FolkmootError, MissingExtra)):
        open_store(address)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear town, " * 500)
    with pytest.raises(FolkmootError, match="cannot be used"):
        open_store(f"sqlite:///{path}")
    assert path.read_text() == "Dear town, " * 500


_KILLED = """
import sys, numpy as np
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.store import open_store
from folkmoot.records import Statement
P, S = 3000, 100
said = Consultation("big", tuple(Statement(str(s), "x") for s in range(S)), np.repeat(np.arange(P, dtype=np.int32), S),
                    np.tile(np.arange(S, dtype=np.int32), P), np.ones(P * S, dtype=np.int8), P)
print("ready", flush=True)
with open_store(sys.argv[1]) as store:
    store.add(said, [f"p{p}" for p in range(P)], name="big")
"""


@pytest.mark.parametrize("after_s", [0.2, 0.8, 1.6])
def test_an_import_killed_midway_leaves_nothing_of_itself(store: Store, url: str, after_s: float) -> None:
    child = subprocess.Popen([sys.executable, "-c", _KILLED, url], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        child.wait(after_s)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
    found = {kept.name: (kept.participants, kept.votes) for kept in store.contents()}
    assert found["town"] == (2, 3)
    assert found.get("big") in {None, (3000, 300_000)}
    store.cast_vote("town", "8", "3", 1)
    assert store.look_up("town").votes == 4
