"""Where consultations are kept while people vote: SQLite by default, PostgreSQL by URL.

Votes are append-only, and the database itself refuses to change or delete one (`migrations`). Of each participant on each
statement the vote of the last turn counts; times are noted, but a clock that jumps decides nothing. Nothing leaves a store
but consultations without names (`Store.read`) and counts.

Axes: P participants, S statements, V votes.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, Self

import numpy as np
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, delete, event, func, insert, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from folkmoot.errors import FolkmootError, MissingExtra
from folkmoot.listen.consultation import Consultation, number_order
from folkmoot.listen.schema import consultations, participants, statements, votes
from folkmoot.records import Statement

_WAIT_S = 30
_ROWS = 50_000
_TOGETHER = 50  # rows an INSERT holds: SQLite then spends a third of the time
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_MIGRATING = 7_270_662  # the advisory lock that whoever brings a PostgreSQL store up to date holds


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store says of one consultation.

    Attributes:
        votes: all that were cast and not erased, superseded ones included.
        erased_participants, erased_votes: how many there were; nothing else is left of them.
    """

    name: str
    title: str
    participants: int
    statements: int
    votes: int
    erased_participants: int
    erased_votes: int


class Store:
    """An opened consultation store; a context manager. Raises `FolkmootError` for whatever the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.where = engine.url.render_as_string(hide_password=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def contents(self) -> list[Stored]:
        """Return what is stored of each consultation, by name."""
        with self._reading() as connection:
            names = connection.scalars(select(consultations.c.name).order_by(consultations.c.name)).all()
            return [self._stored(connection, name) for name in names]

    def look_up(self, name: str) -> Stored:
        """Return what is stored of one consultation.

        Raises:
            FolkmootError: there is none of this name.
        """
        with self._reading() as connection:
            return self._stored(connection, name)

    def only(self) -> str:
        """Return the name of the one consultation that is stored.

        Raises:
            FolkmootError: there is none, or several to choose from.
        """
        names = [stored.name for stored in self.contents()]
        if len(names) != 1:
            raise FolkmootError(
                f"{len(names)} consultations are stored here",
                where=self.where,
                do=f"name one: {self.where}#{names[0]} …; there are {', '.join(names)}"
                if names
                else "import one first",
            )
        return names[0]

    def add(self, consultation: Consultation, names: Sequence[str], *, name: str) -> Stored:
        """Keep a consultation with its current votes, all of it or, if anything goes wrong, nothing.

        Args:
            consultation: what was read.
            names: P; how the source calls each participant.
            name: what it is called in the store, such as `harbour-town`.

        Raises:
            FolkmootError: the name is taken or can be none.
        """
        if not _NAME.fullmatch(name):
            raise FolkmootError(
                f"{name!r} cannot name a consultation",
                where=self.where,
                do="use small letters, digits, dots and hyphens, e.g. --name harbour-town",
            )
        with self._writing() as connection:
            if connection.scalar(select(consultations.c.id).where(consultations.c.name == name)) is not None:
                raise FolkmootError(
                    f"there already is a consultation {name!r}", where=self.where, do="give another --name"
                )
            inserted = connection.execute(
                insert(consultations).values(
                    name=name,
                    title=consultation.name,
                    language=consultation.language,
                    simulated=consultation.simulated,
                    attribution=consultation.attribution,
                    next_participant=consultation.participants,
                    erased_participants=0,
                    erased_votes=0,
                )
            )
            id_ = int((inserted.inserted_primary_key or (0,))[0])
            _insert(connection, "participants", _participant_rows(id_, names))
            _insert(connection, "statements", _statement_rows(id_, consultation.statements))
            _insert(connection, "votes", _vote_rows(id_, consultation))
            return self._stored(connection, name)

    def read(self, name: str) -> Consultation:
        """Return the current votes of a consultation; participants are numbered anew and have no name.

        Raises:
            FolkmootError: there is none of this name, or nobody has voted in it.
        """
        return self.read_named(name)[0]

    def read_named(self, name: str) -> tuple[Consultation, tuple[str, ...]]:
        """Return the same and how each participant is called in the store; for whoever runs the consultation alone."""
        with self._reading() as connection:
            kept = self._row(connection, name)
            people = connection.execute(
                select(participants.c.number, participants.c.name).where(participants.c.consultation_id == kept.id)
            ).all()
            said = connection.execute(
                select(statements).where(statements.c.consultation_id == kept.id).order_by(statements.c.number)
            ).all()
            cast = _votes_of(connection, kept.id)
        if not len(cast["vote"]):
            raise FolkmootError(
                f"nobody has voted in {name!r} yet", where=self.where, do="wait until people have voted"
            )
        who, which_V = np.unique(cast["participant"], return_inverse=True)
        order = sorted(range(len(said)), key=lambda s: number_order(said[s].name))
        rank = np.empty(max((row.number for row in said), default=0) + 1, dtype=np.int32)
        rank[[said[s].number for s in order]] = np.arange(len(order))
        participant_V, statement_V = which_V.astype(np.int32), rank[cast["statement"]]
        order_V = np.lexsort((statement_V, participant_V))
        called = {row.number: row.name for row in people}
        time_V = cast["cast_ms"]
        consultation = Consultation(
            name=kept.title,
            statements=tuple(
                Statement(said[s].name, said[s].text, said[s].moderated, bool(said[s].is_meta)) for s in order
            ),
            participant_V=participant_V[order_V],
            statement_V=statement_V[order_V],
            vote_V=cast["vote"][order_V],
            participants=len(who),
            attribution=kept.attribution,
            simulated=bool(kept.simulated),
            language=kept.language,
            time_V=time_V[order_V] if time_V.any() else None,
        )
        return consultation, tuple(called[int(number)] for number in who)

    def cast_vote(self, name: str, participant: str, statement: str, vote: int, *, at_ms: float | None = None) -> None:
        """Append a vote; it counts instead of this participant's vote on the statement before, whatever the clock says.

        A participant who is not known yet is met with the first vote.

        Raises:
            FolkmootError: there is no such consultation or statement, or the vote is neither +1 nor 0 nor -1.
        """
        if vote not in {-1, 0, 1}:
            raise FolkmootError(f"{vote!r} is not a vote", where=self.where, do="give 1, 0 or -1")
        with self._writing() as connection:
            id_ = self._row(connection, name, lock=True).id
            on = connection.scalar(
                select(statements.c.number).where(statements.c.consultation_id == id_, statements.c.name == statement)
            )
            if on is None:
                raise FolkmootError(
                    f"{name!r} has no statement {statement!r}", where=self.where, do="take one of its statements"
                )
            who = _number_of(connection, id_, participant)
            if who is None:
                who = _next_number(connection, id_)
                _insert(connection, "participants", [(id_, who, participant, False)])
            same = (votes.c.consultation_id == id_) & (votes.c.participant == who) & (votes.c.statement == on)
            turn = connection.scalar(select(func.count()).select_from(votes).where(same))
            _insert(connection, "votes", [(id_, who, on, turn, vote, at_ms)])

    def erase(self, name: str, participant: str) -> int:
        """Delete a participant and all their votes for good; return how many votes those were.

        What is left is a count. On SQLite the freed bytes are overwritten and the write-ahead log is emptied; on PostgreSQL
        the tables are vacuumed, which frees the rows, while its own log and backups keep them until they are recycled.

        Raises:
            FolkmootError: there is no such consultation or participant.
        """
        with self._writing() as connection:
            id_ = self._row(connection, name, lock=True).id
            who = _number_of(connection, id_, participant)
            if who is None:
                raise FolkmootError(
                    f"{name!r} has no participant {participant!r}", where=self.where, do="check the name"
                )
            person = (participants.c.consultation_id == id_) & (participants.c.number == who)
            connection.execute(update(participants).where(person).values(leaving=True))
            erased = connection.execute(
                delete(votes).where(votes.c.consultation_id == id_, votes.c.participant == who)
            ).rowcount
            connection.execute(delete(participants).where(person))
            connection.execute(
                update(consultations)
                .where(consultations.c.id == id_)
                .values(
                    erased_participants=consultations.c.erased_participants + 1,
                    erased_votes=consultations.c.erased_votes + erased,
                )
            )
        self._scrub()
        return erased

    # ------------------------------------------------------------------ inside

    def _row(self, connection: Connection, name: str, *, lock: bool = False) -> Any:
        asked = select(consultations).where(consultations.c.name == name)
        found = connection.execute(asked.with_for_update() if lock else asked).one_or_none()
        if found is None:
            there = connection.scalars(select(consultations.c.name).order_by(consultations.c.name)).all()
            raise FolkmootError(
                f"there is no consultation {name!r} in this store",
                where=self.where,
                do=f"name one of those in it: {', '.join(there)}" if there else "import one first",
            )
        return found

    def _stored(self, connection: Connection, name: str) -> Stored:
        row = self._row(connection, name)
        people, said, cast = (
            connection.scalar(select(func.count()).select_from(table).where(table.c.consultation_id == row.id)) or 0
            for table in (participants, statements, votes)
        )
        return Stored(row.name, row.title, people, said, cast, row.erased_participants, row.erased_votes)

    def _scrub(self) -> None:
        with self._explained(), self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.rollback()
                busy = connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                if busy:
                    raise FolkmootError(
                        "erased, but another process reads the store, and its log still holds the votes",
                        where=self.where,
                        do="end that process; the log is emptied when the last one closes the store",
                    )
            else:
                outside = connection.execution_options(isolation_level="AUTOCOMMIT")
                outside.execute(text("VACUUM votes, participants"))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with (
            self._explained(),
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise FolkmootError(f"the store refuses this: {_reason(error)}", where=self.where) from error
        except SQLAlchemyError as error:
            raise FolkmootError(
                f"the store cannot be used: {_reason(error)}",
                where=self.where,
                do="check the address, that the database runs and that you may write there",
            ) from error


def open_store(url: str, *, make: bool = False) -> Store:
    """Open a store and bring its tables up to date.

    Args:
        url: `sqlite:///town.db` (a path; four slashes for an absolute one) or `postgresql://user@host/database`.
        make: make a SQLite file that is not there.

    Raises:
        FolkmootError: the URL is none, there is no store, or it was written by a newer Folkmoot.
        MissingExtra: PostgreSQL is asked for without its driver.
    """
    store = Store(_engine(url, make=make))
    with store._writing() as connection:  # noqa: SLF001 — the one place that opens
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise FolkmootError(
                "this store was written by a newer Folkmoot", where=store.where, do="update Folkmoot"
            ) from error
    return store


def _engine(url: str, *, make: bool) -> Engine:
    try:
        address = make_url(url)
        if address.drivername == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        if address.get_backend_name() not in {"sqlite", "postgresql"}:
            raise FolkmootError(
                f"{address.get_backend_name()} is no store of Folkmoot's", do="use sqlite:///town.db or postgresql://…"
            )
        engine = create_engine(
            address, connect_args={"timeout": _WAIT_S} if address.get_backend_name() == "sqlite" else {}
        )
    except ModuleNotFoundError as error:
        raise MissingExtra("psycopg", "postgresql") from error
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise FolkmootError(
            "this is no address of a store", do="give sqlite:///town.db or postgresql://user@host/database"
        ) from error
    if engine.dialect.name == "sqlite":
        _refuse_absent(address.database, make=make)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _refuse_absent(database: str | None, *, make: bool) -> None:
    if not database or database == ":memory:":
        raise FolkmootError("a store needs a file", do="give sqlite:///town.db")
    if not make and not Path(database).is_file():
        raise FolkmootError(
            "there is no store", where=database, do="import a consultation into it first: folkmoot listen import"
        )


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # sqlite3 would begin transactions late, and none for tables
    for pragma in ("journal_mode=WAL", f"busy_timeout={_WAIT_S * 1000}", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # whoever will write takes the lock at once: two that began by reading could not both go on
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _reason(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


# ------------------------------------------------------------------ rows


def _participant_rows(consultation_id: int, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    return ((consultation_id, number, name, False) for number, name in enumerate(names))


def _statement_rows(consultation_id: int, said: Sequence[Statement]) -> Iterator[tuple[Any, ...]]:
    return ((consultation_id, s, one.id, one.text, one.moderated, one.is_meta) for s, one in enumerate(said))


def _vote_rows(consultation_id: int, consultation: Consultation) -> Iterator[tuple[Any, ...]]:
    """Yield the votes by participant and statement, as the table keeps them: in another order inserts are slow."""
    order = np.lexsort((consultation.statement_V, consultation.participant_V))
    columns = (consultation.participant_V, consultation.statement_V, consultation.vote_V)
    time_V = consultation.time_V
    times = repeat(None) if time_V is None else (t or None for t in time_V[order].tolist())
    cast = zip(*(column[order].tolist() for column in columns), times, strict=False)
    return ((consultation_id, p, s, 0, vote, time) for p, s, vote, time in cast)


_COLUMNS = {
    "participants": ("consultation_id", "number", "name", "leaving"),
    "statements": ("consultation_id", "number", "name", "text", "moderated", "is_meta"),
    "votes": ("consultation_id", "participant", "statement", "turn", "vote", "cast_ms"),
}


def _insert(connection: Connection, table: str, rows: Iterator[tuple[Any, ...]] | Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows as fast as each database can; two million of them in seconds."""
    columns = _COLUMNS[table]
    if connection.dialect.name == "postgresql":
        with connection.connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    one = f"({', '.join('?' * len(columns))})"
    left = iter(rows)
    while some := list(islice(left, _ROWS)):
        whole = len(some) - len(some) % _TOGETHER
        together = [tuple(chain.from_iterable(some[at : at + _TOGETHER])) for at in range(0, whole, _TOGETHER)]
        for marks, given in ((", ".join([one] * _TOGETHER), together), (one, some[whole:])):
            if given:
                statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {marks}"  # noqa: S608 — names of ours
                connection.exec_driver_sql(statement, given)


def _votes_of(connection: Connection, consultation_id: int) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """Return each participant's current vote on each statement: columns, V-long, by participant and statement."""
    columns = (votes.c.participant, votes.c.statement, votes.c.vote, func.coalesce(votes.c.cast_ms, 0.0))
    asked = select(*columns).where(votes.c.consultation_id == consultation_id)
    found = connection.execution_options(yield_per=_ROWS).execute(
        asked.order_by(votes.c.participant, votes.c.statement, votes.c.turn)
    )
    # all fit a float exactly, and one plain array is made several times as fast as one with fields
    parts = [np.array([tuple(row) for row in some], dtype=np.float64) for some in found.partitions(_ROWS)]
    cast_V4 = np.concatenate(parts) if parts else np.empty((0, 4))
    is_last = np.ones(len(cast_V4), dtype=bool)
    is_last[:-1] = (cast_V4[1:, :2] != cast_V4[:-1, :2]).any(axis=1)
    names = (("participant", np.int32), ("statement", np.int32), ("vote", np.int8), ("cast_ms", np.float64))
    return {name: cast_V4[is_last, at].astype(kind) for at, (name, kind) in enumerate(names)}


def _number_of(connection: Connection, consultation_id: int, name: str) -> int | None:
    number: int | None = connection.scalar(
        select(participants.c.number).where(
            participants.c.consultation_id == consultation_id, participants.c.name == name
        )
    )
    return number


def _next_number(connection: Connection, consultation_id: int) -> int:
    here = consultations.c.id == consultation_id
    number = connection.scalar(select(consultations.c.next_participant).where(here))
    connection.execute(update(consultations).where(here).values(next_participant=consultations.c.next_participant + 1))
    return int(number or 0)
