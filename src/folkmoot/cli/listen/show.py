"""``folkmoot listen show``: participants, groups, and what every group agrees on."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from folkmoot.cli.given import Given
from folkmoot.cli.showing import print_json, stderr, stdout

if TYPE_CHECKING:
    from folkmoot.records import Opinion


def show(
    path: Given,
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
                "inclusion_probability": round(s.inclusion_probability, 4),
                "band": s.band,
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
    table = Table(
        title=f"{len(agreed)} statements that every group agrees on",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("id")
    table.add_column("statement", ratio=1)
    table.add_column("consensus", no_wrap=True)
    table.add_column("sure\n%", justify="right")
    table.add_column("votes", justify="right")
    table.add_column("% agreeing\nby group", no_wrap=True)
    for s in agreed:
        low, high = s.interval
        seen = sum(tally.seen for tally in s.by_group)
        support = " ".join("  –" if share is None else f"{100 * share:3.0f}" for share in _support(s.by_group))
        consensus = Text(f"{s.group_aware_consensus:.2f} [{low:.2f}, {high:.2f}]")
        sure = f"{int(100 * s.inclusion_probability)}"
        # texts come from outside: as Text they are shown, never read as markup
        table.add_row(Text(s.statement.id), Text(s.statement.text), consensus, sure, str(seen), support)
    stdout.print(table)
    stdout.print(
        "consensus: the group-aware consensus with its 95% interval, the product over groups of (agree + 1) / (votes + 2); "
        "one group that disagrees makes it small. sure: in how many percent of resamples every group agrees. –: fewer than ten people of the group voted."
    )
    if opinion.attribution:
        stderr.print(Text(opinion.attribution.splitlines()[0]))


def _agreed(opinion: "Opinion") -> list[Any]:
    return sorted((s for s in opinion.statements if s.agreed), key=lambda s: -s.group_aware_consensus)


def _support(tallies: Any) -> list[float | None]:
    """Return the share agreeing in each group, None where fewer than ten people saw the statement."""
    from folkmoot.records import SMALL_CELL

    return [round(t.agree / t.seen, 4) if t.seen >= SMALL_CELL else None for t in tallies]
