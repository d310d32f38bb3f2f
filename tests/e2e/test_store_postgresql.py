"""The store on a real PostgreSQL server, started for the test and thrown away."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from folkmoot.errors import FolkmootError
from folkmoot.listen.reading import read_consultation, read_with_names
from folkmoot.listen.schema import metadata
from folkmoot.listen.store import Store, open_store

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[2] / "examples" / "harbour-town"
INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
BIN = INSTALLED[-1].parent if INSTALLED else Path(shutil.which("initdb") or "/nowhere/initdb").parent

if not (BIN / "initdb").exists():
    pytest.skip("no PostgreSQL server is installed (Debian: postgresql)", allow_module_level=True)


def _as_server(*words: str) -> None:
    """Run as the user `postgres` where we are root, since the server refuses root."""
    before = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*before, *words], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    folder = Path("/tmp") / f"folkmoot-pg-{os.getpid()}"  # a socket's path must be short, and readable for the server
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    _as_server(str(BIN / "initdb"), "-D", data, "-U", "folkmoot", "--auth=trust", "-E", "UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    _as_server(str(BIN / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://folkmoot@127.0.0.1:{port}/postgres"
    finally:
        _as_server(str(BIN / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        opened.add(*read_with_names(EXAMPLE), name="town")
        yield opened


def test_what_comes_in_comes_out(store: Store, url: str) -> None:
    given, names = read_with_names(EXAMPLE)
    kept, kept_names = store.read_named("town")
    assert kept.content_hash() == given.content_hash() == read_consultation(f"{url}#town").content_hash()
    assert kept_names == names


def test_the_last_turn_counts_and_erasing_leaves_a_count(store: Store) -> None:
    before = store.look_up("town")
    for vote, at_ms in ((1, 2e12), (-1, 1e12)):
        store.cast_vote("town", "newcomer", "16", vote, at_ms=at_ms)
    kept, names = store.read_named("town")
    (said,) = kept.vote_V[kept.participant_V == names.index("newcomer")]
    assert said == -1
    assert store.erase("town", "newcomer") == 2
    after = store.look_up("town")
    assert (after.participants, after.votes) == (before.participants, before.votes)
    assert (after.erased_participants, after.erased_votes) == (1, 2)


@pytest.mark.parametrize("change", ["UPDATE votes SET vote = 1", "DELETE FROM votes", "TRUNCATE votes"])
def test_the_database_itself_keeps_votes_as_they_were_cast(store: Store, url: str, change: str) -> None:
    before = store.read("town").content_hash()
    with create_engine(url.replace("postgresql:", "postgresql+psycopg:")).connect() as raw:
        with pytest.raises(DBAPIError, match="append-only"):
            raw.execute(text(change))
        raw.rollback()
    assert store.read("town").content_hash() == before


def test_migrations_and_schema_give_the_same_tables(store: Store, url: str) -> None:
    assert store.contents()
    with create_engine(url.replace("postgresql:", "postgresql+psycopg:")).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_name_is_taken_once(store: Store) -> None:
    with pytest.raises(FolkmootError, match="already"):
        store.add(*read_with_names(EXAMPLE), name="town")
