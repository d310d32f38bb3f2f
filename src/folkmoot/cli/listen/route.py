"""``folkmoot listen route``: which statements should be shown next, and to whom."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from folkmoot.cli.given import Given
from folkmoot.cli.showing import print_json, stderr, stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from folkmoot.listen.routing import Suggested, Suggestions


def route(
    path: Given,
    top: Annotated[int, typer.Option(min=1, help="Statements in each list.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which statements need votes most to settle what all groups agree on, beside those Polis would show."""
    from folkmoot.listen.reading import read_consultation
    from folkmoot.listen.routing import suggest

    found = suggest(read_consultation(path), top=top)
    if as_json:
        print_json(_as_json(found))
    else:
        _print(found)


def _as_json(found: "Suggestions") -> dict[str, Any]:
    return {
        "k": len(found.group_sizes),
        "newcomer": _list_json(found.newcomer),
        "groups": [
            {"id": g, "size": size, "next": _list_json(shown)}
            for g, (size, shown) in enumerate(zip(found.group_sizes, found.by_group, strict=True))
        ],
        "polis": _list_json(found.polis),
        "simulated": found.simulated,
        "attribution": found.attribution,
    }


def _list_json(shown: "Sequence[Suggested]") -> list[dict[str, Any]]:
    return [
        {
            "id": s.statement.id,
            "text": s.statement.text,
            "seen": s.seen,
            "inclusion_probability": None if s.inclusion_probability is None else round(s.inclusion_probability, 4),
        }
        for s in shown
    ]


def _print(found: "Suggestions") -> None:
    if found.simulated:
        stdout.print("simulated participants: no real person voted")
    _print_list("To a newcomer", found.newcomer)
    for g, (size, shown) in enumerate(zip(found.group_sizes, found.by_group, strict=True)):
        if len(found.group_sizes) > 1:
            _print_list(f"To group {g}, {size} people", shown)
    _print_list("By Polis's priority, to anybody", found.polis)
    stdout.print("–: fewer than ten people, of some group or at all")
    if found.attribution:
        stderr.print(found.attribution.splitlines()[0], markup=False)


def _print_list(title: str, shown: "Sequence[Suggested]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("id")
    table.add_column("statement", ratio=1)
    table.add_column("votes", justify="right")
    table.add_column("agreed by all,\nprobability", justify="right")
    for s in shown:
        probability = "–" if s.inclusion_probability is None else f"{s.inclusion_probability:.2f}"
        # texts come from outside: as Text they are shown, never read as markup
        table.add_row(
            Text(s.statement.id), Text(s.statement.text), "–" if s.seen is None else f"{s.seen:,}", probability
        )
    stdout.print(table)
