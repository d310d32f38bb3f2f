"""``folkmoot listen import``, ``export`` and ``erase``: what a consultation store takes in, gives out and forgets."""

import re
from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.given import Given
from folkmoot.cli.showing import print_json, stderr, stdout


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


def erase(
    consultation: Annotated[str, typer.Argument(help="The consultation, as sqlite:///town.db#name.")],
    participant: Annotated[str, typer.Option(help="What the participant is called in the store.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Delete a participant and all their votes for good; what is left is a count."""
    from folkmoot.listen.reading import split_reference
    from folkmoot.listen.store import open_store

    url, name = split_reference(consultation)
    with open_store(url) as opened:
        name = name or opened.only()
        votes = opened.erase(name, participant)
        kept = opened.look_up(name)
    if as_json:
        print_json(
            {
                "votes": votes,
                "erased_participants": kept.erased_participants,
                "erased_votes": kept.erased_votes,
                "left": {"participants": kept.participants, "votes": kept.votes},
            }
        )
        return
    stdout.print(f"erased one participant with {votes:,} votes; {kept.participants:,} participants are left")
    stdout.print("what was made of these votes before is as it was: make results anew")
