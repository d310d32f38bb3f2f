"""Reading a consultation, whichever form it is in."""

from pathlib import Path

from folkmoot.errors import FolkmootError
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.exports import open_export
from folkmoot.listen.longform import read_longform_files
from folkmoot.listen.polis import read_export_files
from folkmoot.listen.tables import shown


def read_consultation(path: Path) -> Consultation:
    """Read a consultation: a Polis export or a long-form pair, in a folder or a zip.

    Raises:
        FolkmootError: nothing readable is there; the message says what was looked for.
    """
    export = open_export(path, telltales=("comments.csv", "statements.csv"))
    if "comments.csv" in export:
        return read_export_files(export)
    if "statements.csv" in export:
        return read_longform_files(export)
    there = ", ".join(shown(name) for name in sorted(export.names)[:8]) or "no file"
    raise FolkmootError(
        f"no consultation is here; found {there}",
        where=str(path),
        do="give a folder or zip with comments.csv and votes.csv or participants-votes.csv (a Polis export), or with"
        " statements.csv and votes.csv (statement,text and participant,statement,vote[,timestamp])" + _below(path),
    )


def _below(path: Path) -> str:
    if not path.is_dir():
        return ""
    near = sorted(p.parent.name for name in ("comments.csv", "statements.csv") for p in path.glob(f"*/{name}"))
    return f"; did you mean one of the folders in it: {', '.join(shown(n) for n in near[:4])}?" if near else ""
