"""A consultation: statements, and each participant's current vote on them.

Axes: P participants, S statements, V current votes. Arrays over V hold one entry a vote. A participant is an index and
nothing more: ids are forgotten as soon as a file is read.
"""

import dataclasses
import hashlib
import json
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from folkmoot.errors import FolkmootError
from folkmoot.listen.exports import Export, attribution_of
from folkmoot.listen.guard import GUARD_ROW, unguarded
from folkmoot.listen.tables import printable, read_pairs, shown
from folkmoot.records import Statement

_YES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True, eq=False)
class Consultation:
    """Statements and current votes.

    Attributes:
        name: title of the consultation, or the name of its folder.
        statements: S statements, in the order of their ids.
        participant_V: participant of each vote, int32 in [0, participants).
        statement_V: statement of each vote, int32 in [0, S).
        vote_V: int8: +1 agree, -1 disagree, 0 pass.
        time_V: when each current vote was cast, in milliseconds since 1970; None where the source does not say.
        participants: people with at least one vote; who cast none has said nothing and is not counted.
        attribution: text that must travel with results; may be empty.
        simulated: the votes come from simulated participants.
        language: BCP 47 tag of the statements, or "und".
    """

    name: str
    statements: tuple[Statement, ...]
    participant_V: NDArray[np.int32]  # the axis stands in capitals
    statement_V: NDArray[np.int32]  # the axis stands in capitals
    vote_V: NDArray[np.int8]
    participants: int
    attribution: str = ""
    simulated: bool = False
    language: str = "und"
    time_V: NDArray[np.float64] | None = None  # the axis stands in capitals

    def __post_init__(self) -> None:
        times = len(self.vote_V) if self.time_V is None else len(self.time_V)
        if not len(self.participant_V) == len(self.statement_V) == len(self.vote_V) == times:
            raise ValueError("the vote arrays differ in length")
        for axis, size in ((self.participant_V, self.participants), (self.statement_V, len(self.statements))):
            if len(axis) and not (axis.min() >= 0 and axis.max() < size):
                raise ValueError("a vote names a participant or statement that does not exist")
        if len(self.vote_V) and not np.isin(self.vote_V, (-1, 0, 1)).all():
            raise ValueError("a vote is neither +1 nor 0 nor -1")
        cells = self.participant_V.astype(np.int64) * max(len(self.statements), 1) + self.statement_V
        cells.sort()
        if (cells[1:] == cells[:-1]).any():
            raise ValueError("somebody has two current votes on one statement")
        for votes in (self.participant_V, self.statement_V, self.vote_V):
            votes.setflags(write=False)

    def content_hash(self) -> str:
        """Return the SHA-256 of all that is said here, whatever it was read from."""
        said = [dataclasses.astuple(statement) for statement in self.statements]
        about = [self.name, said, self.participants, self.attribution, self.simulated, self.language]
        digest = hashlib.sha256(json.dumps(about).encode())
        for votes in (self.participant_V, self.statement_V, self.vote_V, self.time_V):
            digest.update(b"" if votes is None else votes.tobytes())
        return digest.hexdigest()


@dataclass(slots=True)
class VoteLog:
    """Votes as they are read: numbers for ids, in file order, superseded ones included."""

    participants: dict[str, int] = field(default_factory=dict)
    participant: "array[int]" = field(default_factory=lambda: array("i"))
    statement: "array[int]" = field(default_factory=lambda: array("i"))
    vote: "array[int]" = field(default_factory=lambda: array("b"))
    time_ms: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, participant: str, statement: int, vote: int, time_ms: float = 0.0) -> None:
        """Add one vote."""
        self.participant.append(self.participants.setdefault(participant, len(self.participants)))
        self.statement.append(statement)
        self.vote.append(vote)
        self.time_ms.append(time_ms)


def current_votes(
    participant_V: NDArray[np.int32], statement_V: NDArray[np.int32], time_V: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the positions of the votes that count: of each participant on each statement the last.

    Last by time; of equal times, the later in the file. Ordered by participant, then statement.
    """
    order = np.lexsort((time_V, statement_V, participant_V))  # stable: ties keep file order
    person, statement = participant_V[order], statement_V[order]
    is_last = np.ones(len(order), dtype=bool)
    is_last[:-1] = (person[1:] != person[:-1]) | (statement[1:] != statement[:-1])
    return order[is_last]


def gather(export: Export, statements: Sequence[Statement], log: VoteLog) -> Consultation:
    """Make a consultation of statements and votes, and of what `summary.csv` and ATTRIBUTION.md say about it.

    Statements are put into the order of their ids, so that the order of rows in a file changes nothing. `log.statement`
    holds positions in `statements`.

    The rows of `summary.csv` read here: ``topic`` (the name), ``simulated`` (true where the participants are simulated),
    ``simulated-note`` (joins the attribution, and so travels with it), ``language`` (BCP 47).

    Raises:
        FolkmootError: there is no statement or no vote, or `summary.csv` says something unreadable.
    """
    if not statements or not len(log.vote):
        raise FolkmootError(
            f"the export is empty: {len(statements)} statements, {len(log.vote)} votes",
            where=str(export.path),
            do="export the consultation again once people have voted",
        )
    summary = read_pairs(export, "summary.csv")
    simulated = _is_simulated(export, summary)
    note = printable(summary.get("simulated-note") or summary.get("conversation-description", "")) if simulated else ""
    order = sorted(range(len(statements)), key=lambda i: number_order(statements[i].id))
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    participant_V = np.asarray(log.participant, dtype=np.int32)
    statement_V = rank[np.asarray(log.statement, dtype=np.int32)]
    time_V = np.asarray(log.time_ms, dtype=np.float64)
    kept = current_votes(participant_V, statement_V, time_V)
    return Consultation(
        name=" ".join(printable(_topic(summary)).split()) or _name_of(export.path),
        statements=tuple(statements[i] for i in order),
        participant_V=participant_V[kept],
        statement_V=statement_V[kept],
        vote_V=np.asarray(log.vote, dtype=np.int8)[kept],
        participants=len(log.participants),
        attribution="\n\n".join(filter(None, (printable(attribution_of(export)), note))),
        simulated=simulated,
        language=_language(export, summary),
        time_V=time_V[kept] if time_V.any() else None,
    )


def _topic(summary: dict[str, str]) -> str:
    topic = summary.get("topic", "")
    return unguarded(topic) if summary.get(GUARD_ROW[0]) == GUARD_ROW[1] else topic


def _is_simulated(export: Export, summary: dict[str, str]) -> bool:
    said = summary.get("simulated", "").lower()
    if said not in _YES:
        raise FolkmootError(
            f"{shown(said)!r} does not say whether the participants are simulated",
            where=f"{export.where('summary.csv')}, row simulated",
            do="write true or false",
        )
    return _YES[said]


def _language(export: Export, summary: dict[str, str]) -> str:
    tag = summary.get("language", "") or "und"
    if not _LANGUAGE_TAG.fullmatch(tag):
        raise FolkmootError(
            f"{shown(tag)!r} is no language tag",
            where=f"{export.where('summary.csv')}, row language",
            do="write e.g. en or pt-BR",
        )
    return tag


def _name_of(path: Path) -> str:
    whole = path.resolve()
    return printable(whole.stem if whole.suffix.lower() == ".zip" else whole.name)


def number_order(id_: str) -> tuple[int, int, str]:
    """Order ids as numbers where they are numbers."""
    is_number = id_.isascii() and id_.isdigit()
    return (0, int(id_), id_) if is_number else (1, 0, id_)
