"""How the agreed set of every reference conversation changes if something is decided otherwise.

Run it as `python benchmarks/run_sensitivity.py [--json] [NAME …]`.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from folkmoot.listen.reading import read_consultation
from folkmoot.listen.sensitivity import vary

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def measure(name: str) -> dict[str, Any]:
    """Vary one conversation."""
    consultation = read_consultation(DATA / name)
    started = time.perf_counter()
    found = vary(consultation)
    return {
        "benchmark": "run_sensitivity",
        "consultation": name,
        "groups": list(found.group_sizes),
        "agreed": found.agreed,
        "variations": {
            v.name: v.why_not
            if v.change is None
            else {
                "left_out": v.change.left_out,
                "after": v.change.after,
                "groups": list(v.change.groups),
                "leave": v.change.changes - _come(v.change.before, v.change.after, v.change.changes),
                "come": _come(v.change.before, v.change.after, v.change.changes),
                "by_band": {str(band): count for band, count in v.change.by_band.items()},
                "jaccard": v.change.jaccard,
            }
            for v in found.variations
        },
        "jaccard_by_chance": None if found.by_chance is None else found.by_chance.as_json(),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _come(before: int, after: int, changes: int) -> int:
    return (changes + after - before) // 2


def main() -> None:
    """Vary every conversation that is there, or those named."""
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
            after = {v: c if isinstance(c, str) else c["after"] for v, c in row["variations"].items()}
            print(f"{name}: {row['agreed']} agreed; {after}", flush=True)


if __name__ == "__main__":
    main()
