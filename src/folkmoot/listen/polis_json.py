"""A conversation as Polis's server keeps it: votes and comments as JSON.

`comments.json` and `votes.json` are lists of objects. Statements are named ``tid`` or ``statement_id``, participants ``pid``
or ``participant_id``, moderation ``mod`` or ``moderated``. Agree is +1 and disagree -1, as in exports; in a dump of the raw
database it is the other way round.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, BaseModel, Field, TypeAdapter, ValidationError

from folkmoot.errors import FolkmootError
from folkmoot.listen.consultation import VoteLog
from folkmoot.listen.exports import MAX_BYTES, Export
from folkmoot.listen.tables import printable, read_text, read_time, shown, without_mark
from folkmoot.records import Statement

Entry = TypeVar("Entry", bound=BaseModel)
FILES = ("comments.json", "votes.json")


_Id = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class _Comment(BaseModel):
    id: Annotated[_Id, Field(validation_alias=AliasChoices("tid", "statement_id"))]
    text: Annotated[str, Field(validation_alias="txt")]
    moderated: Annotated[int, Field(ge=-1, le=1, validation_alias=AliasChoices("mod", "moderated"))] = 0
    is_meta: bool = False


class _Vote(BaseModel):
    participant: Annotated[_Id, Field(validation_alias=AliasChoices("pid", "participant_id"))]
    statement: Annotated[_Id, Field(validation_alias=AliasChoices("tid", "statement_id"))]
    vote: Annotated[int, Field(ge=-1, le=1)]
    modified: float | str = 0.0


def read_json_files(export: Export) -> tuple[list[Statement], VoteLog]:
    """Read statements and votes from `comments.json` and `votes.json` of an export that is already open.

    Raises:
        FolkmootError: a file is missing, no JSON, or an entry of it is wrong; names file, entry and field.
    """
    for name in FILES:
        if name not in export:
            raise FolkmootError(f"{name} is missing", where=str(export.path), do="add it from the same conversation")
    statements: dict[int, Statement] = {}
    for row, comment in enumerate(_entries(export, "comments.json", TypeAdapter(list[_Comment]))):
        where = f"{export.where('comments.json')}, entry {row + 1}"
        if comment.id in statements:
            raise FolkmootError(
                f"the statement id {comment.id} stands here a second time", where=where, do="keep one of the two"
            )
        text = read_text(comment.text, where)
        statements[comment.id] = Statement(str(comment.id), text, comment.moderated, comment.is_meta)
    positions = {id_: at for at, id_ in enumerate(statements)}
    log = VoteLog()
    for row, vote in enumerate(_entries(export, "votes.json", TypeAdapter(list[_Vote]))):
        where = f"{export.where('votes.json')}, entry {row + 1}"
        if vote.statement not in positions:
            raise FolkmootError(
                f"the statement {vote.statement} is not in comments.json",
                where=where,
                do="add it there, or take the votes on it out",
            )
        log.add(str(vote.participant), positions[vote.statement], vote.vote, read_time(str(vote.modified), where))
    return list(statements.values()), log


def _entries(export: Export, name: str, adapter: TypeAdapter[list[Entry]]) -> list[Entry]:
    with export.open(name) as source:
        raw = source.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise FolkmootError(f"is larger than {MAX_BYTES // 1024**2} MB", where=export.where(name), do="split it")
    try:
        return adapter.validate_json(without_mark(raw, export.where(name)))
    except ValidationError as error:
        raise _wrong(error.errors()[0], export.where(name)) from error


def _wrong(first: Mapping[str, Any], where: str) -> FolkmootError:
    at, *fields = first["loc"] or (None,)
    place = where if at is None else f"{where}, entry {int(at) + 1}" + "".join(f", {f}" for f in fields)
    return FolkmootError(
        f"this is not what Polis writes: {shown(printable(first['msg']))}",
        where=place,
        do="give comments.json and votes.json as Polis's server wrote them",
    )
