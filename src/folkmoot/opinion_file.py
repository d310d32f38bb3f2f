"""The opinion file: what listening hands to drafting, as JSON.

Tallies of statements by group and nothing finer: no participant, no id of one, no vote. It stays inside a run, so small
cells are not suppressed in it; whatever shows them to somebody suppresses them (`records.SMALL_CELL`).
"""

import dataclasses
import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from folkmoot.errors import FolkmootError
from folkmoot.records import Band, Opinion, Statement, StatementOpinion, Tally

SCHEMA_VERSION = 2
MAX_BYTES = 256 * 1024**2
"""Ten thousand statements of five groups need a twentieth of it."""

_Count = Annotated[int, Field(ge=0, strict=True)]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Tally(_Part):
    agree: _Count
    disagree: _Count
    passed: _Count


class _Statement(_Part):
    id: Annotated[str, Field(min_length=1)]
    text: str
    moderated: Literal[-1, 0, 1]
    is_meta: bool


class _StatementOpinion(_Part):
    statement: _Statement
    overall: _Tally
    by_group: tuple[_Tally, ...]
    group_aware_consensus: _Share
    interval: tuple[_Share, _Share]
    agreed: bool
    inclusion_probability: _Share
    band: Band


class _File(_Part):
    schema_version: Literal[2]
    consultation: str
    participants: _Count
    participants_in: _Count
    votes: _Count
    threshold: _Share
    group_sizes: tuple[_Count, ...]
    statements: tuple[_StatementOpinion, ...]
    attribution: str
    simulated: bool
    language: str

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "_File":
        if len({s.statement.id for s in self.statements}) != len(self.statements):
            raise ValueError("a statement stands in it twice")
        if any(len(s.by_group) != len(self.group_sizes) for s in self.statements):
            raise ValueError("a statement has tallies for another number of groups")
        return self


def write_opinion(opinion: Opinion, path: Path) -> None:
    """Write an opinion file: the same opinion gives the same bytes, and reading it gives it back.

    Raises:
        FolkmootError: the file cannot be written, or the opinion holds what cannot be read back (a number that is none).
    """
    plain = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(opinion)}
    try:
        text = json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
        raw = text.encode()
        _File.model_validate_json(raw)
    except (ValueError, ValidationError) as error:
        raise FolkmootError(f"the opinion cannot be written: {_first(error)}", where=str(path)) from error
    _write(path, raw)


def read_opinion(path: Path) -> Opinion:
    """Read an opinion file.

    Raises:
        FolkmootError: it is missing, too large, no JSON, or says something else than an opinion; names the field.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FolkmootError(f"an opinion file has at most {MAX_BYTES // 1024**2} MB", where=str(path))
        raw = path.read_bytes()
    except OSError as error:
        raise FolkmootError(
            f"the opinion cannot be read: {error.strerror or error}", where=str(path), do="run folkmoot listen first"
        ) from error
    try:
        file = _File.model_validate_json(raw)
    except ValidationError as error:
        raise FolkmootError(
            f"this is no opinion file: {_first(error)}", where=str(path), do="let folkmoot listen write it anew"
        ) from error
    return _opinion(file)


def _opinion(file: _File) -> Opinion:
    fields: dict[str, Any] = {name: getattr(file, name) for name in _File.model_fields if name != "schema_version"}
    return Opinion(**fields | {"statements": tuple(_statement_opinion(s) for s in file.statements)})


def _statement_opinion(part: _StatementOpinion) -> StatementOpinion:
    return StatementOpinion(
        statement=Statement(**part.statement.model_dump()),
        overall=Tally(**part.overall.model_dump()),
        by_group=tuple(Tally(**tally.model_dump()) for tally in part.by_group),
        group_aware_consensus=part.group_aware_consensus,
        interval=part.interval,
        agreed=part.agreed,
        inclusion_probability=part.inclusion_probability,
        band=part.band,
    )


def _first(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))


def _write(path: Path, raw: bytes) -> None:
    """Write beside the file and move into place, so that no reader meets half an opinion."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        beside = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            beside.chmod(0o644)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise FolkmootError(f"cannot write the opinion: {error.strerror or error}", where=str(path)) from error
