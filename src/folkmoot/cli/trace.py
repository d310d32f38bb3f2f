"""``folkmoot trace``: what a record came from, and what came of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from folkmoot.cli.showing import print_json, stderr, stdout

if TYPE_CHECKING:
    from folkmoot.lineage import Node, Step, Trace


def trace(
    id_: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Id of a statement, article, principle, lesson, exam item, or its beginning."
        ),
    ],
    run: Annotated[
        Path | None,
        typer.Option("--run", help="The --out folder of a run; without it the newest in runs/ that knows ID."),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Most records shown below one and of one role; 0 for all.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, always whole.")] = False,
) -> None:
    """Show what a record came from and what came of it; changes of a score are association, not causal."""
    from folkmoot import lineage

    folder = run if run is not None else _newest(id_, Path("runs"))
    traced = lineage.trace(id_, folder)
    if as_json:
        print_json(traced.as_json())
        return
    _print(traced, limit)
    if traced.unfinished:
        stderr.print(f"left out, because not finished: {', '.join(traced.unfinished)}", markup=False)
    if traced.withheld:
        stderr.print(f"withheld: {traced.withheld} links that name participants")


def _newest(id_: str, runs: Path) -> Path:
    """Return the newest folder of runs that knows the id; if none does, the newest, whose error then says what is near."""
    from folkmoot.errors import FolkmootError
    from folkmoot.lineage import find_id, read_lineage

    sealed = sorted(runs.glob("*/*/seal.json"), key=lambda p: -p.stat().st_mtime)
    folders = list(dict.fromkeys(p.parent.parent for p in sealed if not p.parent.name.startswith(".")))
    if not folders:
        raise FolkmootError("there is no finished run here", where=str(runs), do="give --run the --out folder of a run")
    knowing = []
    for folder in folders:
        try:
            find_id(id_, read_lineage(folder).ids(), folder)
        except FolkmootError:
            continue
        knowing.append(folder)
    if not knowing:
        return folders[0]
    others = f" (also known in {', '.join(map(str, knowing[1:]))}: --run chooses)" if knowing[1:] else ""
    stderr.print(f"traced in {knowing[0]}{others}", markup=False, soft_wrap=True)
    return knowing[0]


def _print(traced: "Trace", limit: int) -> None:
    from rich.tree import Tree

    root = Tree(_line(traced.node))
    for title, steps in (("came from", traced.up), ("what came of it", traced.down)):
        _grow(root.add(title if steps else f"{title}: nothing is recorded"), steps, limit, set())
    stdout.print(root)


def _grow(tree: Any, steps: Sequence["Step"], limit: int, drawn: set[str]) -> None:
    """Draw steps by role; those that stand in the tree already are only counted."""
    from rich.text import Text

    by_role: dict[str, list[Step]] = {}
    for step in steps:
        by_role.setdefault(step.role, []).append(step)
    for role, group in by_role.items():
        new = [step for step in group if step.node.id not in drawn]
        shown = new[:limit] if limit else new
        drawn |= {step.node.id for step in shown}
        for step in shown:
            line = Text(f"{role} ", style="dim") + _line(step.node) + Text(_weights(step), style="dim")
            _grow(tree.add(line), step.steps, limit, drawn)
        if len(new) < len(group):
            tree.add(Text(f"{role} {len(group) - len(new)} that stand above", style="dim"))
        if len(shown) < len(new):
            tree.add(Text(f"{role} … and {len(new) - len(shown)} more (--limit 0 shows all)", style="dim"))


def _line(node: "Node") -> Any:
    """Return one line for a record; texts come from outside, so they are shown and never read as markup."""
    from rich.text import Text

    from folkmoot.lineage import NOT_CAUSAL

    kind = "" if node.id.startswith(f"{node.kind}:") else f"{node.kind} "
    label = "" if node.label == node.id else f"  {node.label}"
    note = f"  ({NOT_CAUSAL})" if node.shows_change else ""
    # nothing that came from outside moves the cursor or draws branches of its own
    rest = "".join(sign if sign.isprintable() else " " for sign in f"{label}{_detail(node.detail)}")
    return Text(kind) + Text(node.id, style="bold") + Text(rest + note)


def _detail(detail: dict[str, Any]) -> str:
    shown = []
    for name, value in detail.items():
        word = name.replace("_", " ")
        if name.endswith("_before"):
            after = detail.get(name.removesuffix("_before") + "_after")
            shown.append(f"{word.removesuffix(' before')} {_value(value)} → {_value(after)}")
        elif name.endswith("_after") and name.removesuffix("_after") + "_before" in detail:
            continue
        elif value not in (None, "", [], {}) and name != "note":
            shown.append(f"{word} {_value(value)}")
    return f"  [{'; '.join(shown)}]" if shown else ""


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return str(value)


def _weights(step: "Step") -> str:
    if set(step.weights.values()) == {1.0}:
        return ""
    total = ", ".join(f"{weight:g} in {run}" for run, weight in list(step.weights.items())[:3])
    return f"  weight {total}" + (f" and {len(step.weights) - 3} more runs" if len(step.weights) > 3 else "")
