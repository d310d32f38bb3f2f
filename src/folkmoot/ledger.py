"""What a run spent and may spend: tokens, seconds, and an estimate of energy."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from folkmoot.errors import Incomplete, UsageError

WATTS_PER_CORE = 10.0
"""Assumed draw of one busy CPU core with its share of memory and board, in W: a server of 200 to 300 W has 24 to 32
cores. Nothing is measured. The environment variable FOLKMOOT_WATTS (W of the whole machine) overrides it."""


@dataclass(slots=True)
class Spent:
    """What one step spent."""

    tokens: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Ledger:
    """Adds up what a run spends, over all its attempts, and stops it where its budget ends.

    Blocks of `timed` may stand inside one another: a second is booked once, on the innermost. Not for several threads.
    """

    steps: dict[str, Spent] = field(default_factory=dict)
    budget_s: float | None = None
    budget_tokens: int | None = None
    beside: tuple["Ledger", ...] = ()
    _open: list[str] = field(default_factory=list)
    _booked_until: float = 0.0

    def limit(self, *, seconds: float | None, tokens: int | None, beside: Iterable["Ledger"] = ()) -> None:
        """Set the budget; None is no limit.

        It counts what earlier attempts of the run spent, and what the ledgers `beside` it, which share the budget, hold.
        """
        self.budget_s, self.budget_tokens, self.beside = seconds, tokens, tuple(beside)

    def spend(self, what: str, *, tokens: int = 0, seconds: float = 0.0) -> None:
        """Book tokens and seconds on a step."""
        step = self.steps.setdefault(what, Spent())
        step.tokens += tokens
        step.seconds += seconds

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Book the wall time of a block on a step, also when the block fails."""
        self.book()
        self._open.append(what)
        try:
            yield
        finally:
            self.book()
            self._open.remove(what)

    def book(self) -> None:
        """Book the time up to now of a block still open."""
        now = time.monotonic()
        if self._open:
            self.spend(self._open[-1], seconds=now - self._booked_until)
        self._booked_until = now

    @property
    def tokens(self) -> int:
        """All tokens booked."""
        return sum(s.tokens for s in self.steps.values())

    @property
    def seconds(self) -> float:
        """All seconds booked, blocks still open included."""
        self.book()
        return sum(s.seconds for s in self.steps.values())

    def check(self) -> None:
        """Stop the run if its budget is spent, by this attempt and the earlier ones together.

        Raises:
            Incomplete: says which budget and how to go on.
        """
        for name, spent, budget in (
            ("seconds", sum(ledger.seconds for ledger in (self, *self.beside)), self.budget_s),
            ("tokens", float(sum(ledger.tokens for ledger in (self, *self.beside))), self.budget_tokens),
        ):
            if budget is not None and spent >= budget:
                raise Incomplete(
                    f"the budget of {budget:,.0f} {name} is spent ({spent:,.0f})",
                    do="what is done is kept; run the same command with a larger budget to go on from here",
                )

    def as_json(self) -> dict[str, Any]:
        """Return totals and steps in tokens, seconds and Wh, with what the energy estimate assumes.

        Raises:
            UsageError: FOLKMOOT_WATTS is not a number of watts.
        """
        watts, source = _watts()

        def spent(tokens: int, seconds: float) -> dict[str, Any]:
            return {"tokens": tokens, "seconds": round(seconds, 3), "wh": round(seconds * watts / 3600, 6)}

        return {
            **spent(self.tokens, self.seconds),
            "assumption": f"Energy is estimated, not measured: {watts:g} W ({source}) for as long as a step ran. "
            "Tokens of training and exam are estimates.",
            "steps": {name: spent(step.tokens, step.seconds) for name, step in sorted(self.steps.items())},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Ledger":
        """Return the ledger that `as_json` wrote.

        Raises:
            ValueError: it did not.
        """
        try:
            steps = {
                str(name): Spent(int(step["tokens"]), float(step["seconds"])) for name, step in stored["steps"].items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a ledger: {error!r}") from error
        return cls(steps)

    @classmethod
    def sum(cls, ledgers: Iterable["Ledger"]) -> "Ledger":
        """Return one ledger that holds what all of them spent."""
        total = cls()
        for ledger in ledgers:
            ledger.book()
            for name, step in ledger.steps.items():
                total.spend(name, tokens=step.tokens, seconds=step.seconds)
        return total


def estimated_tokens(texts: Iterable[str]) -> int:
    """Return about how many tokens `texts` have: four characters a token is close for English and needs no tokenizer."""
    return sum(map(len, texts)) // 4


def usable_cores() -> int:
    """Return the number of CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _watts() -> tuple[float, str]:
    own = os.environ.get("FOLKMOOT_WATTS")
    if not own:
        cores = usable_cores()
        return (
            WATTS_PER_CORE * cores,
            f"{cores} CPU cores at {WATTS_PER_CORE:g} W each, set FOLKMOOT_WATTS to change it",
        )
    try:
        watts = float(own)
    except ValueError:
        watts = -1.0
    if not 0 < watts < float("inf"):
        raise UsageError(f"{own!r} is not a number of watts", where="FOLKMOOT_WATTS", do="set it to W, for instance 65")
    return watts, "set by FOLKMOOT_WATTS"


def in_order_of_the_road(steps: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return a ledger's steps, stage by stage."""
    stages = ("listen", "draft", "train.supervised", "train.preference", "train", "evaluate")
    return sorted(steps.items(), key=lambda step: next((i for i, s in enumerate(stages) if step[0].startswith(s)), 99))
