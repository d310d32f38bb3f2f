"""``folkmoot listen predict``: how well votes that were held back are told."""

from typing import TYPE_CHECKING, Annotated

import typer

from folkmoot.cli.given import Given
from folkmoot.cli.showing import print_json, progress_display, stdout

if TYPE_CHECKING:
    from folkmoot.listen.prediction import Compared


def predict(
    path: Given,
    masks: Annotated[int, typer.Option(min=2, help="Draws of votes to hold back, the same for every method.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold votes back and predict them: how far what we say of votes nobody cast can be trusted."""
    from folkmoot.listen.prediction import compare
    from folkmoot.listen.reading import read_consultation

    consultation = read_consultation(path)
    with progress_display() as progress:
        rows = compare(consultation, masks=masks, progress=progress)
    if as_json:
        print_json(
            {
                "consultation": consultation.name,
                "votes": len(consultation.vote_V),
                "methods": {
                    row.method: {
                        **{name: estimate.as_json() for name, estimate in row.by_measure.items()},
                        "factors_better_by": {name: e.as_effect() for name, e in row.ours_better_by.items()},
                    }
                    for row in rows
                },
            }
        )
    else:
        _print_predictions(rows)


def _print_predictions(rows: "list[Compared]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title="Votes held back and predicted: mean over draws ± 95%", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("method")
    for name in ("accuracy", "AUC", "log loss", "RMSE", "calibration error"):
        table.add_column(name, justify="right")
    for row in rows:
        shown = [f"{e.value:.3f} ±{(e.ci[1] - e.ci[0]) / 2:.3f}" for e in row.by_measure.values()]
        table.add_row(row.method, *shown)
    stdout.print(table)
    for row in rows:
        if row.ours_better_by:
            low, high = row.ours_better_by["log_loss"].ci
            stdout.print(f"factors against {row.method}: log loss smaller by {low:+.3f} to {high:+.3f} (same draws)")
