"""Votes held back and predicted, by our factors and by three peers, on every reference conversation.

`ratio` is the log loss of the best peer / ours: above 1 ours is better. Ten draws, the same for every method; each method
tunes and calibrates itself on a hold-out of its own.

    python benchmarks/bench_prediction.py [--json] [NAME …]
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from folkmoot.listen.prediction import OURS, compare
from folkmoot.listen.reading import read_consultation

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def measure(name: str) -> dict[str, Any]:
    """Compare the methods on one conversation."""
    consultation = read_consultation(DATA / name)
    started = time.perf_counter()
    rows = compare(consultation)
    losses = {row.method: row.by_measure["log_loss"].value for row in rows}
    best = min((method for method in losses if method != OURS), key=losses.__getitem__)
    return {
        "benchmark": "bench_prediction",
        "consultation": name,
        "votes": len(consultation.vote_V),
        "methods": {row.method: {m: e.as_json() for m, e in row.by_measure.items()} for row in rows},
        "factors_better_by": {row.method: {m: e.as_effect() for m, e in row.ours_better_by.items()} for row in rows},
        "best_peer": best,
        "ratio": round(losses[best] / losses[OURS], 4),
        "seconds": round(time.perf_counter() - started, 1),
    }


def main() -> None:
    """Measure every conversation that is there, or those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("names", nargs="*", metavar="NAME", help="folders below shared/data")
    options = parser.parse_args()
    there = [f"polis/{p.name}" for p in sorted((DATA / "polis").glob("*/"))] + ["ccai/clean", "ccai/raw"]
    for name in options.names or there:
        row = measure(name)
        if options.json:
            print(json.dumps(row), flush=True)
        else:
            print(f"{name}: {row['ratio']} against {row['best_peer']}", flush=True)


if __name__ == "__main__":
    main()
