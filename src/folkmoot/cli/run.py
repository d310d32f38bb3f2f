"""``folkmoot run``: the whole road in one command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from folkmoot.cli.given import CONSULTATION
from folkmoot.cli.showing import print_json, print_where, progress_display, stderr, stdout


def run(
    consultation: Annotated[str | None, typer.Option(help=CONSULTATION)] = None,
    constitution: Annotated[
        Path | None, typer.Option(help="Start from this constitution file instead of a consultation.")
    ] = None,
    sources: Annotated[str, typer.Option(help="Comma-separated sources beside the public; empty for none.")] = "udhr",
    student: Annotated[str, typer.Option(help="Model to train: a folder, or an embedded model's name.")] = "smollm2",
    teacher: Annotated[
        str,
        typer.Option(help="`written` (lessons written by hand) or an OpenAI-compatible base URL, as URL or URL#MODEL."),
    ] = "written",
    scale: Annotated[
        str,
        typer.Option(help="smoke: one model, minutes; small: with controls and three seeds, hours; full: more of all."),
    ] = "smoke",
    out: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("runs/default"),
    until: Annotated[str, typer.Option(help="Last stage: listen, draft, train or evaluate.")] = "evaluate",
    seed: Annotated[int, typer.Option(min=0, help="Root seed.")] = 0,
    seeds: Annotated[int | None, typer.Option(min=1, help="Training seeds; default by scale.")] = None,
    reference_data: Annotated[
        Path | None, typer.Option(envvar="FOLKMOOT_REFERENCE_DATA", help="Folder with xstest, bbq, hh-harmless.")
    ] = None,
    budget_s: Annotated[float | None, typer.Option(min=0, help="Stop cleanly after so many seconds (exit 3).")] = None,
    budget_tokens: Annotated[
        int | None, typer.Option(min=0, help="Stop cleanly after so many tokens (exit 3).")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only predict tokens, seconds and energy.")] = False,
    config: Annotated[
        Path | None, typer.Option(help="Settings for the stages (TOML); default: folkmoot.toml, where there is one.")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Start anew, even if finished runs could be reused.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """From votes to a trained, examined model: listen, draft, train, evaluate."""
    from folkmoot.forecast import forecast
    from folkmoot.pipeline import follow, make_request

    request = make_request(
        config=config,
        consultation=consultation,
        constitution=constitution,
        sources=tuple(filter(None, sources.split(","))),
        student=student,
        teacher=teacher,
        scale=scale,
        out=out,
        until=until,
        seed=seed,
        seeds=seeds,
        reference_data=reference_data,
        budget_s=budget_s,
        budget_tokens=budget_tokens,
        fresh=fresh,
    )
    if dry_run:
        prediction = forecast(request)
        if as_json:
            print_json(prediction)
        else:
            _print_forecast(prediction)
        return
    with progress_display() as progress:
        result = follow(request, progress=progress, say=stderr.print)
    if as_json:
        print_json(result)
        return
    if "report" in result:
        change = result["effects"]["final_vs_untrained"]
        stdout.print(
            f"item score, final - untrained: {change['diff'] * 100:+.1f} points "
            f"[{change['ci'][0] * 100:+.1f}, {change['ci'][1] * 100:+.1f}], n = {change['n']}; {result['causal_claim']}"
        )
    print_where(result)


def _print_forecast(prediction: Mapping[str, Any]) -> None:
    from folkmoot.ledger import in_order_of_the_road

    steps = [*in_order_of_the_road(prediction["steps"]), ("together", prediction)]
    for step, spent in steps:
        stdout.print(
            f"{step:<20}{spent['tokens']:>11,} tokens {_duration(spent['seconds']):>11} {spent['wh']:>7.1f} Wh"
        )
    models = prediction["training_runs"]
    stdout.print(
        f"{models} model{'' if models == 1 else 's'} to train. Seconds are for this machine as busy as it is now, "
        "within a factor of two."
    )
    for what in prediction["not_predicted"]:
        stdout.print(f"Not in it: {what}.")


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min" if seconds >= 90 else f"{seconds:.0f} s"
