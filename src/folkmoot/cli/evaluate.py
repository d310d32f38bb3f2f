"""``folkmoot evaluate``: examine any model by a constitution, with your own items if you like."""

from pathlib import Path
from typing import Annotated

import typer

from folkmoot.cli.showing import print_json, progress_display, stdout


def evaluate(
    model: Annotated[str, typer.Argument(help="Model folder or name.")],
    constitution: Annotated[Path, typer.Option(help="A constitution.yaml.")],
    exam: Annotated[Path | None, typer.Option(help="Your own items (JSONL), instead of the project's.")] = None,
    against: Annotated[str | None, typer.Option(help="A second model, compared item by item.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Examine a model: item score, strict score, by concept and axis, with intervals."""
    from folkmoot.pipeline import examine

    with progress_display() as progress:
        result = examine(model, constitution, exam=exam, against=against, progress=progress)
    if as_json:
        print_json(result)
        return
    for name, one in result["exam"].items():
        score, strict = one["item_score"], one["strict_score"]
        stdout.print(
            f"{name}: item score {score['value']:.3f} [{score['ci'][0]:.3f}, {score['ci'][1]:.3f}], "
            f"strict score {strict['value']:.3f} [{strict['ci'][0]:.3f}, {strict['ci'][1]:.3f}], n = {score['n']}",
            soft_wrap=True,
        )
    for name, change in result.get("effects", {}).items():
        unit, scale = ("nats", 1) if name.endswith("_nats") else ("points", 100)
        shown = name.removesuffix("_nats").replace("_", " ").replace(" vs ", " - ")
        stdout.print(
            f"{shown}: {scale * change['diff']:+.1f} {unit} "
            f"[{scale * change['ci'][0]:+.1f}, {scale * change['ci'][1]:+.1f}], n = {change['n']}",
            soft_wrap=True,
        )
