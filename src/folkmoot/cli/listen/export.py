"""``folkmoot listen export``: a consultation as Polis exports it."""

from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.given import Given
from folkmoot.cli.showing import print_json, stderr, stdout


def export(
    consultation: Given,
    out: Annotated[Path, typer.Option(help="A new folder, or a new zip if it ends in .zip.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a consultation as Polis exports it. It holds every single vote: hand it on only as you may."""
    from folkmoot.listen.polis_writing import write_export
    from folkmoot.listen.reading import read_with_names

    read, names = read_with_names(consultation)
    files = write_export(read, names, out)
    stderr.print("this holds the votes of every single participant, under a number; results for others: listen report")
    if as_json:
        print_json({"export": str(out.resolve()), "files": files, "votes": len(read.vote_V)})
        return
    stdout.print(f"export:       {out} ({', '.join(files)})", soft_wrap=True, markup=False)
