"""What every verb prints with: JSON alone on stdout, everything else on stderr."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

stderr = Console(stderr=True, highlight=False)
stdout = Console(highlight=False)


def print_json(value: Any) -> None:
    """Print `value` as JSON on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def print_where(result: Mapping[str, Any]) -> None:
    """Print how many principles a walk found and where it left what it made."""
    if "principles" in result:
        public = result["principles_from_public"]
        stdout.print(f"{'principles:':<14}{result['principles']}, {public} of them from a public's statements")
    for name in ("constitution", "left_out", "model", "report"):
        if name in result:
            stdout.print(f"{name.replace('_', ' ') + ':':<14}{result[name]}", soft_wrap=True)


@contextmanager
def progress_display() -> Any:
    """Yield a function told (what, done, of how many).

    On a terminal it draws a bar with the time left; elsewhere it prints a plain line when the work changes and every
    half minute.
    """
    if stderr.is_terminal:
        with _bar() as tell:
            yield tell
    else:
        yield _plain()


@contextmanager
def _bar() -> Any:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        current = ""

        def tell(what: str, done: int, total: int) -> None:
            nonlocal current
            if what != current:
                current = what
                bar.reset(task, description=what, total=total or None, completed=done)
            bar.update(task, completed=done, total=total or None)

        yield tell


def _plain() -> Callable[[str, int, int], None]:
    current, started, last = "", time.monotonic(), 0.0

    def tell(what: str, done: int, total: int) -> None:
        nonlocal current, started, last
        now = time.monotonic()
        if what != current:
            current, started, last = what, now, now
            stderr.print(f"{what} …")
        elif now - last > 30 and done:
            last = now
            left = (now - started) / done * (total - done)
            stderr.print(f"{what}: {done} of {total}, about {left / 60:.0f} min left")

    return tell
