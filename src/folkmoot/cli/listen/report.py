"""``folkmoot listen report``: what came out of a consultation, as a page to open in a browser."""

from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.given import Given
from folkmoot.cli.showing import print_json, stdout


def report(
    path: Given,
    out: Annotated[Path, typer.Option(help="The page to write; an older opinion report there is written over.")] = Path(
        "opinion.html"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Seed of grouping and resampling.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is as JSON.")] = False,
) -> None:
    """Write one page that opens offline: opinion map, agreement by group, how sure it is; every picture with its table."""
    from folkmoot.listen.config import ListenConfig
    from folkmoot.listen.reading import read_consultation
    from folkmoot.listen.report import check_destination, render_opinion, write_opinion_page

    check_destination(out)
    consultation = read_consultation(path)
    write_opinion_page(render_opinion(consultation, ListenConfig(seed=seed), seed=seed), out)
    if as_json:
        print_json({"report": str(out.resolve()), "simulated": consultation.simulated})
        return
    if consultation.simulated:
        stdout.print("simulated participants: no real person voted")
    stdout.print(f"report:       {out}", soft_wrap=True, markup=False)
