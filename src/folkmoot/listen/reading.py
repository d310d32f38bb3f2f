"""Reading a consultation, whichever form it is in."""

import re
from pathlib import Path

from folkmoot.errors import FolkmootError
from folkmoot.listen.consultation import Consultation, gather
from folkmoot.listen.exports import Export, open_export
from folkmoot.listen.longform import read_longform_files
from folkmoot.listen.polis import read_export_files
from folkmoot.listen.polis_json import read_json_files
from folkmoot.listen.tables import shown

_FORMATS = {
    "comments.csv": read_export_files,
    "statements.csv": read_longform_files,
    "comments.json": read_json_files,
}
"""By the file that tells it."""


def read_consultation(given: str | Path) -> Consultation:
    """Read a consultation.

    Args:
        given: a Polis export, a long-form pair or the JSON of Polis's server, in a folder or a zip; or one in a store, as
            `sqlite:///town.db#name` (without `#name` where the store holds just one).

    Raises:
        FolkmootError: nothing readable is there; the message says what was looked for.
    """
    return read_with_names(given)[0]


def read_with_names(given: str | Path) -> tuple[Consultation, tuple[str, ...]]:
    """Read a consultation and how each participant is called, P-long; the names are for whoever runs it alone.

    Raises:
        FolkmootError: as `read_consultation`.
    """
    if is_reference(given):
        return _read_stored(str(given))
    export = open_export(Path(given), telltales=tuple(_FORMATS))
    telltale = export.first_of(*_FORMATS)
    if telltale is None:
        raise _nothing_readable(export)
    statements, log = _FORMATS[telltale](export)
    return gather(export, statements, log), tuple(log.participants)


def is_reference(given: str | Path) -> bool:
    """Return whether this names a store and no path."""
    return isinstance(given, str) and "://" in given


def split_reference(given: str) -> tuple[str, str | None]:
    """Return the address of a store, and the name of a consultation in it where one is given."""
    url, _, name = given.partition("#")
    return url, name or None


def shown_reference(given: str) -> str:
    """Return a reference as it may be written down: without the password in its address."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", given)


def _read_stored(given: str) -> tuple[Consultation, tuple[str, ...]]:
    from folkmoot.listen.store import open_store

    url, name = split_reference(given)
    with open_store(url) as store:
        return store.read_named(name or store.only())


def _nothing_readable(export: Export) -> FolkmootError:
    there = ", ".join(shown(name) for name in sorted(export.names)[:8]) or "no file"
    return FolkmootError(
        f"no consultation is here; found {there}",
        where=str(export.path),
        do="give a folder or zip with comments.csv and votes.csv or participants-votes.csv (a Polis export), or with"
        " statements.csv and votes.csv (statement,text and participant,statement,vote[,timestamp]), or with comments.json and"
        " votes.json (Polis's server)" + _below(export.path),
    )


def _below(path: Path) -> str:
    if not path.is_dir():
        return ""
    near = sorted(p.parent.name for name in _FORMATS for p in path.glob(f"*/{name}"))
    return f"; did you mean one of the folders in it: {', '.join(shown(n) for n in near[:4])}?" if near else ""
