"""``folkmoot listen erase``: what a consultation store forgets."""

from typing import Annotated

import typer

from folkmoot.cli.showing import print_json, stdout


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
