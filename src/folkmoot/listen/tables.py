"""CSV files read row by row, with errors that name file, row and column.

Python's own CSV reader in strict mode is used: unlike columnar readers it says in which row something is wrong, and it
reads two million votes in seconds. Rows are numbered as a spreadsheet numbers them, the header being row 1.
"""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from folkmoot.errors import FolkmootError
from folkmoot.listen.exports import Export, Source

MAX_ROW = 1_000_000
"""Most bytes of one row; a table of 10,000 statements needs 60,000."""
MAX_TEXT = 10_000
"""Most characters of a statement; Polis allows 140."""

SECONDS_BELOW = 1e11  # as seconds the year 5138, as milliseconds 1973
_VOTES = {"1": 1, "+1": 1, "1.0": 1, "-1": -1, "-1.0": -1, "0": 0, "0.0": 0, "-0": 0, "-0.0": 0}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
# marks, embeddings, overrides and isolates that order a line from right to left, and tags that nobody sees but a model
_UNSEEN = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")


@dataclass(slots=True)
class Table:
    """An opened CSV file: its header, and its rows while it is open."""

    where: str
    header: list[str]
    _rows: Iterator[list[str]]

    def column(self, name: str) -> int:
        """Return the position of a column.

        Raises:
            FolkmootError: it is not there.
        """
        if name not in self.header:
            found = ", ".join(shown(c) for c in self.header[:8]) + (", …" if len(self.header) > 8 else "")
            separated = next((sep for sep in (";", "\t") if len(self.header) == 1 and sep in self.header[0]), None)
            raise FolkmootError(
                f"the column {name!r} is missing; found: {found}",
                where=f"{self.where}, row 1",
                do="save it with commas between the columns"
                if separated
                else f"name the column {name!r} in the first row",
            )
        return self.header.index(name)

    def optional(self, name: str) -> int | None:
        """Return the position of a column, None where there is none."""
        return self.header.index(name) if name in self.header else None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield row number and cells, blank rows left out.

        Raises:
            FolkmootError: a row has another number of cells than the header.
        """
        for number, cells in enumerate(self._rows, start=2):
            if not cells:
                continue
            if len(cells) != len(self.header):
                raise FolkmootError(
                    f"the row has {len(cells)} cells, the header {len(self.header)}",
                    where=f"{self.where}, row {number}",
                    do="quote texts that hold commas or line breaks",
                )
            yield number, cells

    def cell(self, row: int, column: int) -> str:
        """Return how errors call one cell."""
        return f"{self.where}, row {row}, column {shown(self.header[column])}"


@contextmanager
def open_table(export: Export, name: str) -> Iterator[Table]:
    """Open a CSV file with a header.

    Raises:
        FolkmootError: it cannot be read, is not UTF-8, holds NUL bytes, is no CSV or has no header or two equal columns.
    """
    where = export.where(name)
    with export.open(name) as file:
        rows = _records(file, where)
        header = [cell.strip() for cell in next(rows, [])]
        if not any(header):
            raise FolkmootError("the file is empty", where=where, do="export the consultation again")
        twice = _twice(header)
        if twice is not None:
            raise FolkmootError(
                f"two columns are named {shown(twice)!r}", where=f"{where}, row 1", do="keep one of them"
            )
        yield Table(where, header, rows)


def read_pairs(export: Export, name: str) -> dict[str, str]:
    """Read a file of ``key,value`` rows without a header; nothing where it is not there. Of two equal keys the first counts.

    Raises:
        FolkmootError: it cannot be read, is not UTF-8, holds NUL bytes or is no CSV.
    """
    pairs: dict[str, str] = {}
    if name in export:
        with export.open(name) as file:
            for cells in _records(file, export.where(name)):
                if cells:
                    pairs.setdefault(cells[0].strip(), ",".join(cells[1:]).strip())
    return pairs


def read_vote(text: str, where: str) -> int:
    """Return +1, 0 or -1.

    Raises:
        FolkmootError: it is something else.
    """
    vote = _VOTES.get(text.strip())
    if vote is None:
        raise FolkmootError(
            f"{shown(text)!r} is not a vote", where=where, do="write 1 for agree, -1 for disagree, 0 for pass"
        )
    return vote


def read_time(text: str, where: str) -> float:
    """Return a time in milliseconds since 1970, from seconds, milliseconds or ISO 8601 (UTC where it names no zone).

    Raises:
        FolkmootError: it is none of them.
    """
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        return _iso_time(text, where)
    if not math.isfinite(value):
        raise _not_a_time(text, where)
    return value * 1000 if abs(value) < SECONDS_BELOW else value


def read_text(text: str, where: str) -> str:
    """Return a statement's text; characters that drive a terminal instead of being shown become spaces.

    Raises:
        FolkmootError: it is longer than 10,000 characters.
    """
    if len(text) > MAX_TEXT:
        raise FolkmootError(
            f"a statement has {len(text):,} characters; at most {MAX_TEXT:,} are read", where=where, do="shorten it"
        )
    return printable(text)


def read_id(text: str, where: str) -> str:
    """Return a participant's or statement's id.

    Raises:
        FolkmootError: it is empty, longer than 200 characters or holds characters that cannot be seen.
    """
    text = text.strip()
    if not text or len(text) > 200:
        raise FolkmootError(
            "the id is empty" if not text else "the id is too long", where=where, do="give each row its id"
        )
    if not text.isprintable():
        raise FolkmootError(
            f"the id {shown(text)!r} holds a character that cannot be seen", where=where, do="take it out everywhere"
        )
    return text


def printable(text: str) -> str:
    """Return `text` without the characters that a terminal or a YAML file would not show as text, or that reorder a line."""
    return _UNSEEN.sub("", _UNPRINTABLE.sub(" ", text)).strip()


def shown(text: str) -> str:
    """Return a piece of a file, short and harmless, for an error message; characters that cannot be seen by their number."""
    text = _UNPRINTABLE.sub(" ", text.replace("\n", " ").replace("\r", " ")).strip()[:61]
    text = "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text)
    return text if len(text) <= 60 else text[:59] + "…"


# ------------------------------------------------------------------ from bytes to rows


def _records(file: Source, where: str) -> Iterator[list[str]]:
    lines = _Lines(file, where)
    reader = csv.reader(lines, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FolkmootError(
                f"this is no CSV: {error}",
                where=f"{where}, row {number} (line {lines.number})",
                do="look for a quotation mark that is not closed, or a cell far too long",
            ) from error
        lines.pending = 0
        yield cells


class _Lines:
    """Decodes line by line, so that an error has its line and a huge row is noticed before it is held in memory."""

    def __init__(self, file: Source, where: str) -> None:
        self.file = file
        self.where = where
        self.number = 0
        self.pending = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        raw = self.file.readline(MAX_ROW + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        self.pending += len(raw)
        where = f"{self.where}, line {self.number}"
        if self.number == 1:
            raw = without_mark(raw, self.where)
        if b"\0" in raw:
            raise FolkmootError("holds a NUL byte, so it is no text", where=where, do="export the file again")
        if self.pending > MAX_ROW:
            raise FolkmootError(
                f"a row has more than {MAX_ROW:,} bytes",
                where=where,
                do="look for a cell far too long or a quotation mark that is not closed",
            )
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise FolkmootError(
                "is not UTF-8 text", where=where, do="save it as UTF-8, e.g. with: iconv -f LATIN1 -t UTF-8 IN > OUT"
            ) from error


def without_mark(raw: bytes, where: str) -> bytes:
    """Return the beginning of a file without the byte order mark of UTF-8.

    Raises:
        FolkmootError: it is UTF-16.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FolkmootError("is UTF-16 text", where=where, do="save it as UTF-8: iconv -f UTF-16 -t UTF-8 IN > OUT")
    return raw.removeprefix(b"\xef\xbb\xbf")


def _twice(header: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for name in header:
        if name and name in seen:
            return name
        seen.add(name)
    return None


def _iso_time(text: str, where: str) -> float:
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, OverflowError):
        raise _not_a_time(text, where) from None


def _not_a_time(text: str, where: str) -> FolkmootError:
    return FolkmootError(
        f"{shown(text)!r} is not a time",
        where=where,
        do="write seconds or milliseconds since 1970, or 2026-01-31T12:00:00Z",
    )
