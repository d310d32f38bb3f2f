"""How the verbs of listen show what changes in the agreed set."""

from typing import TYPE_CHECKING, Any

from folkmoot.cli.showing import stdout

if TYPE_CHECKING:
    from folkmoot.listen.changes import Change


def change_json(change: "Change") -> dict[str, Any]:
    """Return a change as plain values."""
    return {
        "left_out": change.left_out,
        "before": change.before,
        "after": change.after,
        "groups": list(change.groups),
        "leave": None if change.leave is None else list(change.leave),
        "come": None if change.come is None else list(change.come),
        "changes": change.changes,
        "changes_by_band": {str(band): count for band, count in change.by_band.items()},
        "jaccard": None if change.jaccard is None else round(change.jaccard, 4),
    }


def change_words(found: dict[str, Any]) -> str:
    """Say which statements change and how sure they were."""
    if found["leave"] is None and found["changes"]:
        return f"{found['changes']} (not named: fewer than ten people were left out)"
    parts = [f"{word} {', '.join(ids)}" for word, ids in (("leave:", found["leave"]), ("come:", found["come"])) if ids]
    bands = ", ".join(f"{count} {band}" for band, count in found["changes_by_band"].items())
    return "; ".join(parts) + (f" ({bands})" if bands else "")


def print_changes(title: str, rows: "list[tuple[str, dict[str, Any]]]") -> None:
    """Print a table of changes, a row each."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("if")
    for column in ("people left out", "agreed", "groups"):
        table.add_column(column, justify="right")
    table.add_column("changes", ratio=1)
    for name, found in rows:
        counts = f"{found['before']} → {found['after']}", " + ".join(map(str, found["groups"]))
        # ids come from outside: as Text they are shown, never read as markup
        table.add_row(name, str(found["left_out"] or "–"), *counts, Text(change_words(found)))
    stdout.print(table)
