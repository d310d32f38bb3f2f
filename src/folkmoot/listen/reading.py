"""Reading a consultation, whichever form it is in."""

from pathlib import Path

from folkmoot.errors import FolkmootError
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.exports import open_export
from folkmoot.listen.longform import read_longform_files
from folkmoot.listen.polis import read_export_files
from folkmoot.listen.polis_json import read_json_files
from folkmoot.listen.tables import shown


def read_consultation(path: Path) -> Consultation:
    """Read a consultation: a Polis export, a long-form pair or the JSON of Polis's server, in a folder or a zip.

    Raises:
        FolkmootError: nothing readable is there; the message says what was looked for.
    """
    export = open_export(path, telltales=("comments.csv", "statements.csv", "comments.json"))
    if "comments.csv" in export:
        return read_export_files(export)
    if "statements.csv" in export:
        return read_longform_files(export)
    if "comments.json" in export:
        return read_json_files(export)
    there = ", ".join(shown(name) for name in sorted(export.names)[:8]) or "no file"
    raise FolkmootError(
        f"no consultation is here; found {there}",
        where=str(path),
        do="give a folder or zip with comments.csv and votes.csv or participants-votes.csv (a Polis export), or with"
        " statements.csv and votes.csv (statement,text and participant,statement,vote[,timestamp]), or with comments.json and"
        " votes.json (Polis's server)" + _below(path),
    )


def _below(path: Path) -> str:
    if not path.is_dir():
        return ""
    near = sorted(
        p.parent.name for name in ("comments.csv", "statements.csv", "comments.json") for p in path.glob(f"*/{name}")
    )
    return f"; did you mean one of the folders in it: {', '.join(shown(n) for n in near[:4])}?" if near else ""
