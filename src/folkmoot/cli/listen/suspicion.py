"""``folkmoot listen suspicion``: how many people vote as hardly anybody does who votes for themselves; never who."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from folkmoot.cli.given import Given
from folkmoot.cli.listen.changes import change_json, print_changes
from folkmoot.cli.showing import print_json, stderr, stdout

if TYPE_CHECKING:
    from folkmoot.listen.sensitivity import SuspicionReport


def suspicion(
    path: Given,
    seed: Annotated[int, typer.Option(min=0, help="Seed of grouping and of lots.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Test for straight-lining, speed, arrival all at once and copies; say what is agreed without who is marked."""
    from folkmoot.listen.config import ListenConfig
    from folkmoot.listen.reading import read_consultation
    from folkmoot.listen.sensitivity import report_suspicion

    consultation = read_consultation(path)
    found = _json(report_suspicion(consultation, ListenConfig(seed=seed), seed=seed))
    if as_json:
        print_json(found)
        return
    _print(found)
    if consultation.attribution:
        stderr.print(consultation.attribution.splitlines()[0], markup=False)


def _json(found: "SuspicionReport") -> dict[str, Any]:
    return {
        "participants_in": found.participants_in,
        "tests": {
            m.test: {"people": m.people, "share": m.share.as_json(), "share_of_votes": round(m.votes, 6)}
            if m.asked
            else None
            for m in found.tests
        },
        "without": change_json(found.without),
        "simulated": found.simulated,
        "attribution": found.attribution,
    }


def _print(found: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if found["simulated"]:
        stdout.print("simulated participants: no real person voted")
    table = Table(
        title=f"People marked, of {found['participants_in']:,}; a reason to look, no verdict",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for column in ("test", "people", "share", "share of votes"):
        table.add_column(column, justify="left" if column == "test" else "right")
    for test, marked in found["tests"].items():
        if marked is None:
            table.add_row(test, "–", "no times", "–")
            continue
        value, (low, high) = marked["share"]["value"], marked["share"]["ci"]
        share = f"{100 * value:.1f}% [{100 * low:.1f}, {100 * high:.1f}]"
        table.add_row(test, str(marked["people"]), share, f"{100 * marked['share_of_votes']:.1f}%")
    stdout.print(table)
    print_changes("What is agreed without them", [("without who is marked", found["without"])])
