"""``folkmoot train``: train a model from a constitution file, for instance one edited by hand."""

from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.showing import print_json, progress_display, stderr, stdout


def train(
    constitution: Annotated[Path, typer.Argument(help="A constitution.yaml.")],
    out: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("runs/train"),
    student: Annotated[str, typer.Option(help="Model to train: a folder, or an embedded model's name.")] = "smollm2",
    teacher: Annotated[str, typer.Option(help="`written`, or an OpenAI-compatible base URL.")] = "written",
    scale: Annotated[str, typer.Option(help="smoke (minutes), small (hours), full.")] = "smoke",
    seed: Annotated[int, typer.Option(min=0, help="Root seed.")] = 0,
    config: Annotated[
        Path | None, typer.Option(help="Settings for the stages (TOML); default: folkmoot.toml, where there is one.")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Start anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a model by a constitution file; `folkmoot run --constitution FILE` also examines it."""
    from folkmoot.pipeline import follow, make_request

    request = make_request(
        config=config,
        constitution=constitution,
        out=out,
        student=student,
        teacher=teacher,
        scale=scale,
        seed=seed,
        seeds=1,
        until="train",
        fresh=fresh,
    )
    with progress_display() as progress:
        result = follow(request, progress=progress, say=stderr.print)
    if as_json:
        print_json(result)
    else:
        stdout.print(f"model: {result['model']}", soft_wrap=True)
