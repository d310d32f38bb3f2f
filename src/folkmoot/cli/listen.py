"""``folkmoot listen``: what a public thinks, before anything is made of it."""

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from folkmoot.cli.showing import print_json, progress_display, stderr, stdout

if TYPE_CHECKING:
    from folkmoot.listen.consensus import Consensus
    from folkmoot.listen.prediction import Compared
    from folkmoot.records import Opinion

app = typer.Typer(no_args_is_help=True, help="Listen to a consultation: opinion groups and what they agree on.")


@app.callback()
def listen() -> None:
    pass  # with it `show` stays a word of its own while it is the only one


@app.command("show")
def show(
    path: Annotated[Path, typer.Argument(help="Polis export or long-form pair: a folder or a zip.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of grouping and intervals.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show participants, opinion groups and the statements that every group agrees on."""
    from folkmoot.listen.config import ListenConfig
    from folkmoot.listen.opinion import analyse
    from folkmoot.listen.reading import read_consultation

    opinion = analyse(read_consultation(path), ListenConfig(seed=seed), seed=seed)
    if as_json:
        print_json(_as_json(opinion))
    else:
        _print(opinion)


@app.command("analyse")
def analyse_(
    path: Annotated[Path, typer.Argument(help="Polis export or long-form pair: a folder or a zip.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of grouping and resampling.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Judge every statement by several measures at once, and say how sure it is that all groups agree."""
    from folkmoot.listen.config import ListenConfig
    from folkmoot.listen.consensus import analyse_consensus
    from folkmoot.listen.reading import read_consultation

    started = time.perf_counter()
    found = analyse_consensus(read_consultation(path), ListenConfig(seed=seed), seed=seed)
    if as_json:
        print_json({**_consensus_json(found), "seconds": round(time.perf_counter() - started, 3)})
    else:
        _print_consensus(found)


def _consensus_json(found: "Consensus") -> dict[str, Any]:
    return {
        "participants": found.participants,
        "votes": found.votes,
        "participants_in": found.participants_in,
        "k": len(found.group_sizes),
        "groups": [{"id": g, "size": size} for g, size in enumerate(found.group_sizes)],
        "stability": None if found.stability is None else found.stability.as_json(),
        "resamples": found.resamples,
        "simulated": found.simulated,
        "attribution": found.attribution,
        "statements": [
            {
                "id": s.statement.id,
                "text": s.statement.text,
                **_cells(s.overall),
                "gac": s.gac.as_json(),
                "gac_fair": s.gac_fair.as_json(),
                "minimum": s.minimum.as_json(),
                "bridging": round(s.bridging, 4),
                "agreed": s.agreed,
                "inclusion_probability": round(s.inclusion_probability, 4),
                "band": s.band,
                "q_value": round(s.q_value, 6),
                "flags": list(s.flags),
                "by_group": [_cells(cell) for cell in s.by_group],
            }
            for s in found.statements
        ],
    }


def _cells(cell: tuple[int, int, int]) -> dict[str, int | None]:
    """Return counts by name, suppressed where fewer than ten people are behind them."""
    from folkmoot.records import SMALL_CELL

    agree, disagree, seen = cell
    if seen < SMALL_CELL:
        return dict.fromkeys(("agree", "disagree", "pass", "seen"))
    return {"agree": agree, "disagree": disagree, "pass": seen - agree - disagree, "seen": seen}


def _print_consensus(found: "Consensus") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    sizes = " + ".join(map(str, found.group_sizes))
    if found.simulated:
        stdout.print("simulated participants: no real person voted")
    stdout.print(f"{found.participants_in:,} of {found.participants:,} participants grouped: {sizes}")
    if found.stability is not None:
        low, high = found.stability.ci
        stdout.print(
            f"groups drawn again agree with these by an adjusted Rand index of {found.stability.value:.2f} "
            f"[{low:.2f}, {high:.2f}], {found.resamples} resamples"
        )
    counts = Counter(s.band for s in found.statements)
    stdout.print("statements: " + ", ".join(f"{count} {band}" for band, count in counts.most_common()))
    table = Table(box=SIMPLE_HEAD)
    table.add_column("id")
    table.add_column("statement", ratio=1)
    table.add_column("agreed in\n% of resamples", justify="right")
    table.add_column("gac_fair", justify="right")
    table.add_column("bridging", justify="right")
    possible = [s for s in found.statements if s.band in {"agreed", "contested"}]
    for s in sorted(possible, key=lambda s: (-s.inclusion_probability, -s.gac_fair.value)):
        shown = (f"{100 * s.inclusion_probability:.0f}", f"{s.gac_fair.value:.2f}", f"{s.bridging:+.1f}")
        table.add_row(Text(s.statement.id), Text(s.statement.text), *shown)
    stdout.print(table)
    if found.attribution:
        stderr.print(Text(found.attribution.splitlines()[0]))


@app.command("predict")
def predict(
    path: Annotated[Path, typer.Argument(help="Polis export or long-form pair: a folder or a zip.")],
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


def _as_json(opinion: "Opinion") -> dict[str, Any]:
    return {
        "consultation": opinion.consultation,
        "participants": opinion.participants,
        "participants_in": opinion.participants_in,
        "statements": len(opinion.statements),
        "votes": opinion.votes,
        "group_sizes": list(opinion.group_sizes),
        "threshold": round(opinion.threshold, 6),
        "simulated": opinion.simulated,
        "language": opinion.language,
        "attribution": opinion.attribution,
        "agreed": [
            {
                "id": s.statement.id,
                "text": s.statement.text,
                "group_aware_consensus": {
                    "value": round(s.group_aware_consensus, 6),
                    "ci": [round(bound, 6) for bound in s.interval],
                    "n": sum(tally.seen for tally in s.by_group),
                },
                "support": _support(s.by_group),
            }
            for s in _agreed(opinion)
        ],
    }


def _print(opinion: "Opinion") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    stdout.print(Text(opinion.consultation, style="bold"))
    if opinion.simulated:
        stdout.print("simulated participants: no real person voted")
    sizes = " + ".join(map(str, opinion.group_sizes))
    groups = (
        f"{len(opinion.group_sizes)} opinion groups ({sizes})" if len(opinion.group_sizes) > 1 else "one opinion group"
    )
    stdout.print(
        f"{opinion.participants:,} participants, {opinion.participants_in:,} of them with enough votes to be grouped: {groups}\n"
        f"{len(opinion.statements):,} statements, {opinion.votes:,} votes"
    )
    agreed = _agreed(opinion)
    if not agreed:
        stdout.print(
            f"no statement reaches a group-aware consensus of {opinion.threshold:.2f} with enough votes in every group"
        )
        return
    table = Table(title=f"{len(agreed)} statements that every group agrees on", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("id")
    table.add_column("statement", ratio=1)
    table.add_column("consensus", no_wrap=True)
    table.add_column("votes", justify="right")
    table.add_column("% agreeing\nby group", no_wrap=True)
    for s in agreed:
        low, high = s.interval
        seen = sum(tally.seen for tally in s.by_group)
        support = " ".join("  –" if share is None else f"{100 * share:3.0f}" for share in _support(s.by_group))
        consensus = Text(f"{s.group_aware_consensus:.2f} [{low:.2f}, {high:.2f}]")
        # texts come from outside: as Text they are shown, never read as markup
        table.add_row(Text(s.statement.id), Text(s.statement.text), consensus, str(seen), support)
    stdout.print(table)
    stdout.print(
        "consensus: the group-aware consensus with its 95% interval, the product over groups of (agree + 1) / (votes + 2); "
        "one group that disagrees makes it small. –: fewer than ten people of the group voted."
    )
    if opinion.attribution:
        stderr.print(Text(opinion.attribution.splitlines()[0]))


def _agreed(opinion: "Opinion") -> list[Any]:
    return sorted((s for s in opinion.statements if s.agreed), key=lambda s: -s.group_aware_consensus)


def _support(tallies: Any) -> list[float | None]:
    """Return the share agreeing in each group, None where fewer than ten people saw the statement."""
    from folkmoot.records import SMALL_CELL

    return [round(t.agree / t.seen, 4) if t.seen >= SMALL_CELL else None for t in tallies]
