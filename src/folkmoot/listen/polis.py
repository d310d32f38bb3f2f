"""Polis exports, both generations, folder or zip.

Votes come from `votes.csv` where it is there (the last vote of each person on each statement counts), else from the
matrix `participants-votes.csv` (older) or `participant-votes.csv` (newer). In exports agree is +1 and disagree -1; in
Polis's raw database it is the other way round, and raw databases are not read here.

Deliberately unread: the tallies in `comments.csv` (they can include superseded votes), `voters-in-conv` in `summary.csv`
(it repeats `voters`), and `group-id` (groups are computed afresh, and in one published data set the column does not even
belong to its rows).
"""

from pathlib import Path

from folkmoot.errors import FolkmootError
from folkmoot.listen.consultation import Consultation, VoteLog, gather
from folkmoot.listen.exports import Export, open_export
from folkmoot.listen.fast_votes import read_plain_log
from folkmoot.listen.guard import GUARD_ROW, unguarded
from folkmoot.listen.tables import Table, open_table, read_id, read_pairs, read_text, read_time, read_vote, shown
from folkmoot.records import Statement

_MATRIX = ("participants-votes.csv", "participant-votes.csv")
_MODERATED = {"-1": -1, "0": 0, "1": 1, "-1.0": -1, "0.0": 0, "1.0": 1, "": 0}
_TRUE = {"true", "t", "1"}
_FALSE = {"false", "f", "0", ""}


def read_export(path: Path) -> Consultation:
    """Read a Polis export.

    Raises:
        FolkmootError: a file is missing or wrong; names file, row and column.
    """
    export = open_export(path, telltales=("comments.csv",))
    return gather(export, *read_export_files(export))


def read_export_files(export: Export) -> tuple[list[Statement], VoteLog]:
    """Read the statements and votes of a Polis export that is already open; as `read_export`."""
    if "comments.csv" not in export:
        raise FolkmootError("comments.csv is missing", where=str(export.path), do="export the conversation again")
    statements = _read_statements(export)
    positions = {statement.id: i for i, statement in enumerate(statements)}
    matrix = export.first_of(*_MATRIX)
    if "votes.csv" in export:
        log = read_plain_log(export, "votes.csv", positions) or read_log(export, positions)
    elif matrix is not None:
        log = _read_matrix(export, matrix, positions)
    else:
        raise FolkmootError(
            f"neither votes.csv nor {' nor '.join(_MATRIX)} is there",
            where=str(export.path),
            do="export the conversation again",
        )
    return statements, log


def _read_statements(export: Export) -> list[Statement]:
    statements: dict[str, Statement] = {}
    with open_table(export, "comments.csv") as table:
        id_at, text_at = table.column("comment-id"), table.column("comment-body")
        moderated_at, meta_at = table.optional("moderated"), table.optional("is-meta")
        is_guarded = read_pairs(export, "summary.csv").get(GUARD_ROW[0]) == GUARD_ROW[1]
        for row, cells in table.rows():
            id_ = read_id(cells[id_at], table.cell(row, id_at))
            if id_ in statements:
                raise FolkmootError(
                    f"the statement id {shown(id_)!r} stands here a second time",
                    where=table.cell(row, id_at),
                    do="keep one of the two rows",
                )
            statements[id_] = Statement(
                id_,
                read_text(unguarded(cells[text_at]) if is_guarded else cells[text_at], table.cell(row, text_at)),
                moderated=0 if moderated_at is None else _read_moderated(table, row, cells, moderated_at),
                is_meta=meta_at is not None and _read_flag(table, row, cells, meta_at),
            )
    return list(statements.values())


def _read_moderated(table: Table, row: int, cells: list[str], at: int) -> int:
    value = _MODERATED.get(cells[at].strip())
    if value is None:
        raise FolkmootError(
            f"{shown(cells[at])!r} is not a moderation",
            where=table.cell(row, at),
            do="write -1 (out), 0 (not yet) or 1 (in)",
        )
    return value


def _read_flag(table: Table, row: int, cells: list[str], at: int) -> bool:
    value = cells[at].strip().lower()
    if value not in _TRUE | _FALSE:
        raise FolkmootError(
            f"{shown(value)!r} is neither true nor false", where=table.cell(row, at), do="write true or false"
        )
    return value in _TRUE


def read_log(export: Export, positions: dict[str, int]) -> VoteLog:
    """Read `votes.csv` row by row; as `read_export`."""
    log = VoteLog()
    with open_table(export, "votes.csv") as table:
        statement_at, voter_at, vote_at = (table.column(name) for name in ("comment-id", "voter-id", "vote"))
        time_at = table.optional("timestamp")
        for row, cells in table.rows():
            statement = positions.get(cells[statement_at].strip())
            if statement is None:
                raise _unknown_statement(cells[statement_at], table.cell(row, statement_at))
            log.add(
                read_id(cells[voter_at], table.cell(row, voter_at)),
                statement,
                read_vote(cells[vote_at], table.cell(row, vote_at)),
                0.0 if time_at is None else read_time(cells[time_at], table.cell(row, time_at)),
            )
    return log


def _read_matrix(export: Export, name: str, positions: dict[str, int]) -> VoteLog:
    log = VoteLog()
    met: set[str] = set()
    with open_table(export, name) as table:
        participant_at = table.column("participant")
        columns = _statement_columns(table, positions)
        for row, cells in table.rows():
            participant = read_id(cells[participant_at], table.cell(row, participant_at))
            if participant in met:
                raise FolkmootError(
                    "a participant has a second row",
                    where=table.cell(row, participant_at),
                    do="keep one of the two rows",
                )
            met.add(participant)
            for at, statement in columns:
                if cells[at]:
                    log.add(participant, statement, read_vote(cells[at], table.cell(row, at)))
    return log


def _statement_columns(table: Table, positions: dict[str, int]) -> list[tuple[int, int]]:
    """Return (column, position of its statement); columns that are named by no number hold no votes."""
    columns = []
    for at, name in enumerate(table.header):
        if not (name.isascii() and name.isdigit()):
            continue
        if name not in positions:
            raise _unknown_statement(name, f"{table.where}, row 1")
        columns.append((at, positions[name]))
    if not columns:
        raise FolkmootError(
            "no column is named by a statement id", where=f"{table.where}, row 1", do="export the conversation again"
        )
    return columns


def _unknown_statement(id_: str, where: str) -> FolkmootError:
    """Return the error for a vote on a statement that nobody wrote."""
    return FolkmootError(
        f"the statement {shown(id_)!r} is not in comments.csv",
        where=where,
        do="add it there, or take the votes on it out",
    )
