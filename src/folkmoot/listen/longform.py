"""Consultations as a pair of CSV files: what most other platforms can be turned into.

`statements.csv` has the columns ``statement,text``; `votes.csv` has ``participant,statement,vote`` and, where people could
change their vote, ``timestamp``. Both stand in one folder or zip; `summary.csv` and ATTRIBUTION.md may stand beside them.
"""

from pathlib import Path

from folkmoot.errors import FolkmootError
from folkmoot.listen.consultation import Consultation, VoteLog, gather
from folkmoot.listen.exports import Export, open_export
from folkmoot.listen.tables import open_table, read_id, read_text, read_time, read_vote, shown
from folkmoot.records import Statement


def read_longform(path: Path) -> Consultation:
    """Read a long-form pair from a folder or zip.

    Raises:
        FolkmootError: a file is missing or wrong; names file, row and column.
    """
    export = open_export(path, telltales=("statements.csv",))
    return gather(export, *read_longform_files(export))


def read_longform_files(export: Export) -> tuple[list[Statement], VoteLog]:
    """Read the statements and votes of a long-form pair that is already open; as `read_longform`."""
    for name, columns in (
        ("statements.csv", "statement,text"),
        ("votes.csv", "participant,statement,vote[,timestamp]"),
    ):
        if name not in export:
            raise FolkmootError(f"{name} is missing", where=str(export.path), do=f"add it with the columns {columns}")
    statements = _read_statements(export)
    return statements, _read_votes(export, {s.id: i for i, s in enumerate(statements)})


def _read_statements(export: Export) -> list[Statement]:
    statements: dict[str, Statement] = {}
    with open_table(export, "statements.csv") as table:
        id_at, text_at = table.column("statement"), table.column("text")
        for row, cells in table.rows():
            id_ = read_id(cells[id_at], table.cell(row, id_at))
            if id_ in statements:
                raise FolkmootError(
                    f"the statement id {shown(id_)!r} stands here a second time",
                    where=table.cell(row, id_at),
                    do="keep one of the two rows",
                )
            statements[id_] = Statement(id_, read_text(cells[text_at], table.cell(row, text_at)))
    return list(statements.values())


def _read_votes(export: Export, positions: dict[str, int]) -> VoteLog:
    log = VoteLog()
    with open_table(export, "votes.csv") as table:
        person_at, statement_at, vote_at = (table.column(name) for name in ("participant", "statement", "vote"))
        time_at = table.optional("timestamp")
        for row, cells in table.rows():
            statement = positions.get(cells[statement_at].strip())
            if statement is None:
                raise FolkmootError(
                    f"the statement {shown(cells[statement_at])!r} is not in statements.csv",
                    where=table.cell(row, statement_at),
                    do="add it to statements.csv, or take the votes on it out",
                )
            log.add(
                read_id(cells[person_at], table.cell(row, person_at)),
                statement,
                read_vote(cells[vote_at], table.cell(row, vote_at)),
                0.0 if time_at is None else read_time(cells[time_at], table.cell(row, time_at)),
            )
    return log
