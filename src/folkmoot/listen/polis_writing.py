"""Writing a consultation as Polis exports it: a folder or a zip that Polis's tools and `polis.read_export` read.

`comments.csv`, `participants-votes.csv` and `summary.csv`, `votes.csv` where times are known, ATTRIBUTION.md where there is one.
Statements and participants keep ids that are numbers; if one is not, all are numbered anew from 0, because Polis's tools
know numbers only. Texts are guarded against being run as formulas (`guard`). Times are UTC.

Axes: P participants, S statements, V votes.
"""

import csv
import io
import secrets
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from folkmoot.errors import FolkmootError
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.guard import GUARD_ROW, guarded
from folkmoot.listen.votes import count, vote_matrix

Rows = Iterator[Sequence[Any]]
_WHEN = "%a %b %d %H:%M:%S UTC %Y"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 1e11  # what is smaller is read as seconds


def write_export(consultation: Consultation, names: Sequence[str], out: Path) -> list[str]:
    """Write an export, whole or not at all; return the names of its files.

    Args:
        consultation: current votes.
        names: P; how each participant is called, told apart.
        out: a folder that is new or empty, or a new `.zip`.

    Raises:
        FolkmootError: something is there already, or it cannot be written.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise FolkmootError("something is there already", where=str(out), do="choose another --out, or remove it")
    files = _files(consultation, numbers(names))
    beside = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        (_write_zip if out.suffix.lower() == ".zip" else _write_folder)(files, beside)
        beside.replace(out)
    except OSError as error:
        raise FolkmootError(
            f"the export cannot be written: {error.strerror or error}", where=str(out), do="choose another --out"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        beside.unlink(missing_ok=True)
    return list(files)


def numbers(names: Sequence[str]) -> list[str]:
    """Return `names` if all are plain numbers that differ as numbers, else numbers from 0."""
    plain = all(name.isascii() and name.isdigit() for name in names)
    return (
        list(names) if plain and len({int(name) for name in names}) == len(names) else list(map(str, range(len(names))))
    )


def _files(consultation: Consultation, people: Sequence[str]) -> dict[str, Rows | str]:
    said = numbers([statement.id for statement in consultation.statements])
    files: dict[str, Rows | str] = {
        "summary.csv": _summary(consultation),
        "comments.csv": _comments(consultation, said),
    }
    if consultation.time_V is not None:
        files["votes.csv"] = _votes(consultation, people, said)
    files["participants-votes.csv"] = _matrix(consultation, people, said)
    if consultation.attribution:
        files["ATTRIBUTION.md"] = consultation.attribution
    return files


def _summary(consultation: Consultation) -> Rows:
    yield "topic", guarded(consultation.name)
    yield "voters", consultation.participants
    yield "comments", len(consultation.statements)
    yield "language", consultation.language
    yield "simulated", str(consultation.simulated).lower()
    yield GUARD_ROW


def _comments(consultation: Consultation, said: Sequence[str]) -> Rows:
    yield "comment-id", "agrees", "disagrees", "moderated", "is-meta", "comment-body"
    counts = count(vote_matrix(consultation))
    for s, statement in enumerate(consultation.statements):
        meta = str(statement.is_meta).lower()
        yield said[s], counts.agree[s], counts.disagree[s], statement.moderated, meta, guarded(statement.text)


def _votes(consultation: Consultation, people: Sequence[str], said: Sequence[str]) -> Rows:
    assert consultation.time_V is not None
    yield "timestamp", "datetime", "comment-id", "voter-id", "vote"
    order = np.argsort(consultation.time_V, kind="stable")
    columns = (consultation.time_V, consultation.statement_V, consultation.participant_V, consultation.vote_V)
    for time, s, p, vote in zip(*(column[order].tolist() for column in columns), strict=True):
        yield _timestamp(time), _when(time), said[s], people[p], vote


def _matrix(consultation: Consultation, people: Sequence[str], said: Sequence[str]) -> Rows:
    yield "participant", "n-votes", "n-agree", "n-disagree", *said
    votes_PS = vote_matrix(consultation)
    for p, name in enumerate(people):
        own = slice(votes_PS.indptr[p], votes_PS.indptr[p + 1])
        cast = votes_PS.data[own]
        row: list[Any] = [""] * len(said)
        for s, vote in zip(votes_PS.indices[own].tolist(), cast.tolist(), strict=True):
            row[s] = vote
        yield name, len(cast), int((cast == 1).sum()), int((cast == -1).sum()), *row


def _timestamp(time_ms: float) -> str:
    """Return milliseconds, or what is read back as the same: early times as seconds, which smaller numbers are taken for."""
    if abs(time_ms) < _MILLISECONDS_FROM:
        return repr(time_ms / 1000)
    return str(int(time_ms)) if time_ms.is_integer() else repr(time_ms)


def _when(time_ms: float) -> str:
    try:
        return (_EPOCH + timedelta(milliseconds=time_ms)).strftime(_WHEN) if time_ms else ""
    except OverflowError:
        return ""


# ------------------------------------------------------------------ writing


def _write_folder(files: Mapping[str, Rows | str], folder: Path) -> None:
    folder.mkdir()
    for name, content in files.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            _write(content, file)


def _write_zip(files: Mapping[str, Rows | str], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            with archive.open(name, "w") as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="") as file:
                _write(content, file)


def _write(content: Rows | str, file: TextIO) -> None:
    if isinstance(content, str):
        file.write(content)
    else:
        csv.writer(file).writerows(content)
