"""``folkmoot listen import``: take a consultation into a store."""

import re
from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.showing import print_json, stdout


def import_(
    path: Annotated[Path, typer.Argument(help="Polis export, its server's JSON or long-form pair: a folder or a zip.")],
    store: Annotated[
        str, typer.Option(help="Where to keep it: sqlite:///town.db (made if it is not there) or postgresql://…")
    ],
    name: Annotated[str | None, typer.Option(help="What to call it; default: the name of the folder or zip.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take a consultation into a store: its statements and everybody's current votes."""
    from folkmoot.listen.reading import read_with_names
    from folkmoot.listen.store import open_store

    consultation, names = read_with_names(path)
    called = name or re.sub(r"[^a-z0-9._-]+", "-", path.resolve().name.lower().removesuffix(".zip")).strip("-._")
    with open_store(store, make=True) as opened:
        kept = opened.add(consultation, names, name=called)
        reference = f"{opened.where}#{kept.name}"
    if as_json:
        print_json(
            {
                "consultation": reference,
                "participants": kept.participants,
                "statements": kept.statements,
                "votes": kept.votes,
                "simulated": consultation.simulated,
            }
        )
        return
    stdout.print(f"{kept.participants:,} participants, {kept.statements:,} statements, {kept.votes:,} votes")
    stdout.print(f"kept as:      {reference}", soft_wrap=True, markup=False)
