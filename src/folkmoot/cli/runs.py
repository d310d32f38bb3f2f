"""``folkmoot runs``: what was run, and whether it is still what was sealed."""

from pathlib import Path
from typing import Annotated, Any

import typer

from folkmoot.cli.showing import print_json, stdout

app = typer.Typer(no_args_is_help=True, help="List, show and verify runs.")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a run, or one stage run in it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(folder: Folder = Path("runs"), as_json: AsJson = False) -> None:
    """List the stage runs in DIR, or in the folders of DIR."""
    from rich.table import Table
    from rich.text import Text

    from folkmoot.runs import list_runs

    rows = list_runs(folder)
    if as_json:
        print_json(rows)
        return
    table = Table(box=None)
    for title in ("run", "state", "artefact hash"):
        table.add_column(title, no_wrap=True)
    for title in ("seconds", "tokens", "Wh (estimate)"):
        table.add_column(title, justify="right")
    for row in rows:
        spent = ["" if row[what] is None else f"{row[what]:,.{digits}f}" for what, digits in _SPENT]
        table.add_row(Text(_shown(row["path"], folder)), row["state"], (row["artefact_hash"] or "")[:12], *spent)
    stdout.print(table)


_SPENT = (("seconds", 1), ("tokens", 0), ("wh", 3))


@app.command("show")
def show(folder: Folder, as_json: AsJson = False) -> None:
    """Show config, inputs, environment, ledger and artefacts of each stage run at DIR."""
    from folkmoot.runs import find_runs, show_run

    shown = [show_run(path) for path in find_runs(folder)]
    if as_json:
        print_json(shown)
        return
    for run in shown:
        _print_run(run)


@app.command("verify")
def verify(folder: Folder, as_json: AsJson = False) -> None:
    """Hash every file at DIR again, offline, and say what is no longer as it was sealed (exit 1 if anything is).

    Unfinished runs are named, and nothing is said about them. Compare the artefact hash with a published one: whoever may
    write the folder may seal it anew.
    """
    from folkmoot.runs import list_runs, verification

    rows = list_runs(folder)
    checked = []
    for row in rows:
        entry: dict[str, Any] = {key: row[key] for key in ("name", "path", "state", "artefact_hash")}
        # a single run was asked for by name: then not being sealed is a finding
        if row["state"] == "unfinished" and len(rows) > 1:
            entry |= {"problems": [], "unchecked": []}
        else:
            result = verification(Path(row["path"]))
            entry |= {"problems": list(result.problems), "unchecked": list(result.unchecked)}
        checked.append(entry)
    sound = not any(entry["problems"] for entry in checked) and any(entry["state"] == "sealed" for entry in checked)
    if as_json:
        print_json({"ok": sound, "runs": checked})
    else:
        _print_verified(checked, folder)
    if not sound:
        raise typer.Exit(1)


def _print_run(run: dict[str, Any]) -> None:
    from rich.text import Text

    stdout.print(Text(f"{run['name']}  {run['state']}", style="bold"))
    lines = [("path", run["path"]), ("artefact hash", run["artefact_hash"] or "none before it is sealed")]
    lines += [
        (f"input {name}", f"{described.get('run') or described.get('path')}  sha256 {described['hash'][:12]}…")
        for name, described in run["inputs"].items()
    ]
    lines += [(f"config {name}", str(value)) for name, value in run["config"].items()]
    environment = run["environment"]
    made = ("folkmoot", "commit", "python", "platform", "cores", "device", "threads")
    lines += [(name, str(environment[name])) for name in made if environment.get(name) is not None]
    if environment.get("earlier"):
        lines.append(("environments", f"{1 + len(environment['earlier'])} differing ones, see environment.json"))
    for name, spent in {**run["ledger"]["steps"], "in all": run["ledger"]}.items():
        lines.append((f"spent {name}", f"{spent['seconds']:,.1f} s, {spent['tokens']:,} tokens, {spent['wh']:.3f} Wh"))
    lines.append(("", run["ledger"]["assumption"]))
    lines += [(f"{size:>14,} B", name) for name, size in run["artefacts"].items()]
    width = max(len(name) for name, _ in lines) + 2
    for name, value in lines:
        stdout.print(Text(f"  {name:<{width}}{value}"), soft_wrap=True)


def _print_verified(checked: list[dict[str, Any]], folder: Path) -> None:
    from rich.text import Text

    for entry in checked:
        count = len(entry["problems"])
        verdict = f"{count} problem{'s' * (count > 1)}" if count else "as sealed"
        if entry["state"] == "unfinished" and not entry["problems"]:
            verdict = "unfinished, not verified"
        name = _shown(entry["path"], folder)
        stdout.print(Text(f"{name:<28}{verdict:<28}{entry['artefact_hash'] or ''}"), soft_wrap=True)
        for line in (*entry["problems"], *entry["unchecked"]):
            stdout.print(Text(f"  {line}"), soft_wrap=True)


def _shown(path: str, folder: Path) -> str:
    """Return the run's path inside the folder asked for, its name if it is that folder."""
    return (
        str(Path(path).relative_to(folder))
        if Path(path).is_relative_to(folder) and path != str(folder)
        else Path(path).name
    )
