"""Votes that each way of choosing the next statement needs to settle what is agreed, replayed on real conversations.

Run it as `python benchmarks/run_routing.py [--json] [--seeds N] [--simulated] [--conversation polis/vtaiwan.uberx …]`. What a
replay assumes stands in `folkmoot.listen.replay`. `--simulated`: people drawn from a conversation's latent factors, who have
an answer to every statement, so that no router is held to the votes that were cast.

Intervals: 95%, over seeds, each of which draws four fifths of the people; all routers play the same seeds. They say how far
a figure hangs on who came and on the router's draws, not how it would be in another conversation; that is the interval over
conversations, in the last line.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from folkmoot.listen.reading import read_consultation
from folkmoot.listen.replay import Outcome, Router, real_world, replay, simulated_world
from folkmoot.seeds import derive

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CONVERSATIONS = (
    "polis/vtaiwan.uberx",
    "polis/austria-climate.5twd2jsnkf.2022-08-08",
    "polis/scoop-hivemind.biodiversity",
    "polis/scoop-hivemind.freshwater",
    "polis/brexit-consensus",
    "polis/bg2050-volunteers",
    "ccai/clean",
)
FRACTIONS = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
AT = FRACTIONS.index(0.5)
MEASURES: dict[str, Callable[[Outcome], float]] = {
    "wrong": lambda o: o.wrong / o.judged,
    "entropy": lambda o: o.entropy / o.judged,
    "log_loss": lambda o: o.log_loss / o.judged,
}
RESAMPLES = 2000


def measure(name: str, seeds: int, *, simulated: bool) -> dict[str, Any]:
    """Replay one conversation with every router, at every fraction of its votes."""
    started = time.perf_counter()
    world = real_world(read_consultation(DATA / name))
    if simulated:
        world = simulated_world(world)
    outcomes = {r: [[replay(world, r, f, seed=s) for f in FRACTIONS] for s in range(seeds)] for r in Router}
    first = [row[0] for row in outcomes[Router.RANDOM]]
    return {
        "benchmark": "run_routing",
        "consultation": name,
        "simulated": world.simulated,
        "participants": len(world.cast_P),
        "groups": np.bincount(world.group_P).tolist(),
        "judged": float(np.mean([o.judged for o in first])),
        "agreed": float(np.mean([o.agreed for o in first])),
        "fractions": FRACTIONS,
        "votes": [
            round(float(np.mean([row[i].votes for row in outcomes[Router.RANDOM]]))) for i in range(len(FRACTIONS))
        ],
        "curves": {m: {r.value: _curve(_values(outcomes[r], m)) for r in Router} for m in MEASURES},
        "ours_less_than": {
            m: {r.value: _curve(_values(outcomes[r], m) - _values(outcomes[Router.OURS], m)) for r in Router}
            for m in MEASURES
        },
        "votes_needed": {
            m: {r.value: _votes_needed(_values(outcomes[r], m), _values(outcomes[Router.POLIS], m)) for r in Router}
            for m in MEASURES
        },
        "seconds": round(time.perf_counter() - started, 1),
    }


def _values(rows: Sequence[Sequence[Outcome]], name: str) -> Any:
    return np.array([[MEASURES[name](outcome) for outcome in row] for row in rows])


def _curve(values_RF: Any) -> list[dict[str, Any]]:
    """Return the mean over seeds at each fraction, with its t interval."""
    n = len(values_RF)
    half_F = stats.t.ppf(0.975, n - 1) * values_RF.std(axis=0, ddof=1) / np.sqrt(n)
    return [
        {"value": round(float(v), 5), "ci": [round(float(v - h), 5), round(float(v + h), 5)], "n": n}
        for v, h in zip(values_RF.mean(axis=0), half_F, strict=True)
    ]


def _votes_needed(values_RF: Any, polis_RF: Any) -> dict[str, Any] | None:
    """Return the votes for what Polis's priority reaches with half of them, as a ratio: below 1 is fewer than Polis.

    None where it is not shown that Polis's priority itself reaches anything from a tenth of the votes to half of them.
    """
    if _curve(polis_RF - polis_RF[:, [AT]])[0]["ci"][0] <= 0:
        return None
    rng = derive(0, "listen.votes_needed")
    n = len(values_RF)
    drawn = [rng.integers(n, size=n) for _ in range(RESAMPLES)]
    ratios = [_reached(values_RF[d].mean(axis=0), polis_RF[d].mean(axis=0)[AT]) for d in drawn]
    low, high = np.quantile(ratios, (0.025, 0.975))
    value = _reached(values_RF.mean(axis=0), polis_RF.mean(axis=0)[AT])
    return {"value": round(value, 4), "ci": [round(float(low), 4), round(float(high), 4)], "n": n}


def _reached(curve_F: Any, level: float) -> float:
    """Return the first fraction at which a curve, linear between its points, is down to `level`, over Polis's half."""
    for i in range(len(curve_F)):
        if curve_F[i] <= level:
            if i == 0:
                return FRACTIONS[0] / FRACTIONS[AT]
            part = (curve_F[i - 1] - level) / (curve_F[i - 1] - curve_F[i])
            return float((FRACTIONS[i - 1] + part * (FRACTIONS[i] - FRACTIONS[i - 1])) / FRACTIONS[AT])
    return FRACTIONS[-1] / FRACTIONS[AT]


def over_conversations(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the geometric mean of the ratios with its t interval; n counts conversations."""
    needed = {m: {r.value: [row["votes_needed"][m][r.value] for row in rows] for r in Router} for m in MEASURES}
    return {m: {r: _geometric([x["value"] for x in xs if x]) for r, xs in by.items()} for m, by in needed.items()}


def _geometric(ratios: Sequence[float]) -> dict[str, Any] | None:
    if len(ratios) < 2:
        return None
    logs, n = np.log(ratios), len(ratios)
    half = stats.t.ppf(0.975, n - 1) * logs.std(ddof=1) / np.sqrt(n)
    low, value, high = np.exp([logs.mean() - half, logs.mean(), logs.mean() + half])
    return {"value": round(float(value), 4), "ci": [round(float(low), 4), round(float(high), 4)], "n": n}


def main() -> None:
    """Replay the conversations that are dense enough, or those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--seeds", type=int, default=10, help="replays of each router, at least 2")
    parser.add_argument("--simulated", action="store_true", help="simulated people with an answer to everything")
    parser.add_argument("--conversation", nargs="+", default=CONVERSATIONS, help="folders below shared/data")
    options = parser.parse_args()
    rows = []
    for name in options.conversation:
        rows.append(measure(name, options.seeds, simulated=options.simulated))
        _show(rows[-1], as_json=options.json)
    if len(rows) > 1:
        print(
            json.dumps({"benchmark": "run_routing", "over": "conversations", "votes_needed": over_conversations(rows)})
        )


def _show(row: dict[str, Any], *, as_json: bool) -> None:
    needed = {m: row["votes_needed"][m][Router.OURS.value] for m in MEASURES}
    print(json.dumps(row) if as_json else f"{row['consultation']}: {needed}", flush=True)


if __name__ == "__main__":
    main()
