"""``folkmoot draft``: a constitution from a consultation and sources."""

from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.given import Given
from folkmoot.cli.showing import print_json, print_where, progress_display, stderr


def draft(
    consultation: Given,
    out: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("runs/draft"),
    sources: Annotated[str, typer.Option(help="Comma-separated sources.")] = "udhr",
    config: Annotated[
        Path | None, typer.Option(help="Settings for the stages (TOML); default: folkmoot.toml, where there is one.")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Start anew, even if a finished run could be reused.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Draft a constitution: listen to the consultation, then turn what all groups agree on into principles."""
    from folkmoot.pipeline import follow, make_request

    with progress_display() as progress:
        result = follow(
            make_request(
                config=config,
                consultation=consultation,
                sources=tuple(filter(None, sources.split(","))),
                out=out,
                until="draft",
                fresh=fresh,
            ),
            progress=progress,
            say=stderr.print,
        )
    if as_json:
        print_json(result)
    else:
        print_where(result)
