"""What stands in an export, be it a folder or a zip: its files, opened one by one and read in memory.

Nothing is ever unpacked to disk. A zip whose entries point outside it, or grow beyond all measure, is refused before
the first byte is read.
"""

import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from folkmoot.errors import FolkmootError

MAX_BYTES = 512 * 1024**2
"""Most bytes of a file, and of all files of a zip when unpacked. The largest published conversation (33,422 people, 783
statements, 2.0 million votes) needs a quarter of it."""
MAX_ENTRIES = 1_000
MAX_RATIO = 200
"""Most bytes that one byte of a zip may stand for; sparse vote tables reach 25."""
_RATIO_MATTERS_FROM = 10 * 1024**2
_MAX_NOTE = 100_000

_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,  # a compression that this Python does not know
    RuntimeError,  # encrypted
    EOFError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file whose failures are named; `archive` is the zip it stands in."""

    file: BinaryIO
    archive: Path | None
    where: str

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes."""
        with _failures_named(self.archive, self.where):
            return self.file.read(size)

    def readline(self, size: int) -> bytes:
        """Return a line, or its first `size` bytes."""
        with _failures_named(self.archive, self.where):
            return self.file.readline(size)


@dataclass(frozen=True, slots=True)
class Export:
    """An opened export.

    Attributes:
        path: the folder or zip.
        names: file name to where it stands in the export; only the files of one folder.
    """

    path: Path
    names: dict[str, str]

    @property
    def is_zip(self) -> bool:
        """Whether the files stand in a zip."""
        return not self.path.is_dir()

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def first_of(self, *names: str) -> str | None:
        """Return the first of `names` that is there."""
        return next((name for name in names if name in self.names), None)

    def where(self, name: str) -> str:
        """Return how errors call the file `name`."""
        return f"{self.path}: {self.names[name]}" if self.is_zip else str(self.path / name)

    @contextmanager
    def open(self, name: str) -> Iterator["Source"]:
        """Open a file for reading bytes.

        Raises:
            FolkmootError: it cannot be read, is too large, or the zip is damaged; also from reading on.
        """
        where = self.where(name)
        with ExitStack() as opened:
            with _failures_named(self.path if self.is_zip else None, where):
                if self.is_zip:
                    archive = opened.enter_context(zipfile.ZipFile(self.path))
                    file = cast(BinaryIO, opened.enter_context(archive.open(self.names[name])))
                else:
                    file = opened.enter_context((self.path / name).open("rb"))
                    if os.fstat(file.fileno()).st_size > MAX_BYTES:
                        raise _too_large(where)
            yield Source(file, self.path if self.is_zip else None, where)

    def note(self, name: str) -> str:
        """Return the text of a short file, or nothing where it is not there.

        Raises:
            FolkmootError: it is not UTF-8 or has more than 100,000 bytes.
        """
        if name not in self:
            return ""
        with self.open(name) as file:
            raw = file.read(_MAX_NOTE + 1)
        return _note_text(raw, self.where(name))


def open_export(path: Path, telltales: tuple[str, ...]) -> Export:
    """Open a folder or a zip.

    A zip may hold its files in a folder of their own: the one with a file named in `telltales` is taken.

    Raises:
        FolkmootError: nothing is there, it is neither folder nor zip, or the zip is unsafe or ambiguous.
    """
    try:
        if path.is_dir():
            return Export(path, {p.name: p.name for p in sorted(path.iterdir()) if p.is_file()})
        is_file = path.is_file()
    except (OSError, ValueError) as error:  # a path with a NUL, or one that may not be looked into
        raise FolkmootError(f"cannot be read: {error}", where=repr(str(path)), do="check the path") from error
    if not is_file:
        raise FolkmootError(
            "there is no such consultation" if not path.exists() else "this is neither a folder nor a file",
            where=str(path),
            do="give the folder or the zip of an export",
        )
    return Export(path, _one_folder(path, _safe_entries(path), telltales))


def attribution_of(export: Export) -> str:
    """Return the text of an ATTRIBUTION.md beside the files or one folder up, else nothing.

    Raises:
        FolkmootError: it is not UTF-8 or has more than 100,000 bytes.
    """
    if "ATTRIBUTION.md" in export:
        return export.note("ATTRIBUTION.md")
    above = export.path.resolve().parent
    if not (above / "ATTRIBUTION.md").is_file():
        return ""
    return Export(above, {"ATTRIBUTION.md": "ATTRIBUTION.md"}).note("ATTRIBUTION.md")


@contextmanager
def _failures_named(archive: Path | None, where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FolkmootError(
            f"cannot be read: {error.strerror or error}", where=where, do="check the file and its rights"
        ) from error
    except _BROKEN_ZIP as error:
        if archive is None:
            raise
        raise _damaged(archive, error) from error


# ------------------------------------------------------------------ zips


def _safe_entries(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    except OSError as error:
        raise FolkmootError(
            f"cannot be read: {error.strerror or error}", where=str(path), do="check the file and its rights"
        ) from error
    except _BROKEN_ZIP as error:
        if path.suffix.lower() != ".zip":
            raise FolkmootError(
                "this file is not a zip",
                where=str(path),
                do="give the folder or the zip of an export, not one of its files",
            ) from error
        raise _damaged(path, error) from error
    if len(entries) > MAX_ENTRIES:
        raise FolkmootError(
            f"the zip holds {len(entries):,} files; an export has about five", where=str(path), do="zip only the export"
        )
    for entry in entries:
        _refuse_outside(path, entry.filename)
        if entry.file_size > _RATIO_MATTERS_FROM and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise FolkmootError(
                f"an entry grows more than {MAX_RATIO} times when unpacked; this looks like a zip bomb",
                where=f"{path}: {_shown(entry.filename)}",
                do="unpack it yourself, if you trust it, and give the folder",
            )
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise _too_large(str(path))
    return [entry.filename for entry in entries]


def _refuse_outside(path: Path, name: str) -> None:
    if not name:
        raise _damaged(path, zipfile.BadZipFile("an entry has no name"))
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in (parts.parts or ("",))[0]:
        raise FolkmootError(
            "the zip holds an entry that points outside it",
            where=f"{path}: {_shown(name)}",
            do="do not trust this file; ask for the export again",
        )


def _one_folder(path: Path, entries: list[str], telltales: tuple[str, ...]) -> dict[str, str]:
    folders: dict[str, dict[str, str]] = {}
    for entry in entries:
        place = PurePosixPath(entry)
        if "__MACOSX" in place.parts:
            continue
        files = folders.setdefault(str(place.parent), {})
        if place.name in files:
            raise FolkmootError(
                "the zip holds two files of one name", where=f"{path}: {_shown(entry)}", do="keep one of them"
            )
        files[place.name] = entry
    fitting = [folder for folder in sorted(folders) if any(name in folders[folder] for name in telltales)]
    if len(fitting) > 1:
        raise FolkmootError(
            f"the zip holds {len(fitting)} consultations",
            where=f"{path}: {', '.join(_shown(f) for f in fitting[:4])}",
            do="give a zip or folder with one of them",
        )
    return (
        folders[fitting[0]] if fitting else {name: place for files in folders.values() for name, place in files.items()}
    )


def _damaged(path: Path, error: BaseException) -> FolkmootError:
    return FolkmootError(
        f"the zip is damaged or encrypted: {_shown(str(error)) or type(error).__name__}",
        where=str(path),
        do="download the export again, or unpack it and give the folder",
    )


def _too_large(where: str) -> FolkmootError:
    return FolkmootError(
        f"more than {MAX_BYTES // 1024**2} MB are not read",
        where=where,
        do="check that this is the export of one consultation",
    )


def _note_text(raw: bytes, where: str) -> str:
    if len(raw) > _MAX_NOTE:
        raise FolkmootError(
            f"has more than {_MAX_NOTE:,} bytes", where=where, do="shorten it to what must travel with results"
        )
    try:
        return raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise FolkmootError("is not UTF-8 text", where=where, do="save it as UTF-8") from error


def _shown(text: str) -> str:
    """Return a name out of a file in a form that a terminal can be shown."""
    return ascii(text)[1:-1][:100]
