"""What `folkmoot listen analyse` finds on every reference conversation: groups, their stability, bands, flags, seconds.

Run it as `python benchmarks/run_consensus.py [--json]`.
"""

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from folkmoot.listen.consensus import analyse_consensus
from folkmoot.listen.reading import read_consultation

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def measure(folder: Path) -> dict[str, Any]:
    """Analyse one conversation."""
    consultation = read_consultation(folder)
    started = time.perf_counter()
    found = analyse_consensus(consultation)
    return {
        "benchmark": "run_consensus",
        "consultation": f"{folder.parent.name}/{folder.name}",
        "votes": found.votes,
        "groups": list(found.group_sizes),
        "stability": None if found.stability is None else found.stability.as_json(),
        "agreed": sum(s.agreed for s in found.statements),
        "bands": dict(Counter(s.band for s in found.statements)),
        "flags": dict(Counter(flag for s in found.statements for flag in s.flags)),
        "resamples": found.resamples,
        "seconds": round(time.perf_counter() - started, 2),
    }


def main() -> None:
    """Analyse every conversation that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    for folder in [*sorted((DATA / "polis").glob("*/")), DATA / "ccai" / "clean", DATA / "ccai" / "raw"]:
        row = measure(folder)
        print(json.dumps(row) if options.json else f"{row['consultation']}: {row['bands']}", flush=True)


if __name__ == "__main__":
    main()
