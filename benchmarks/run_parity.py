"""How like Polis's own groups are those found from the same votes, on the four conversations whose server output we have.

`rand` is the adjusted Rand index over people whom both group. Everything else of Polis's figures is tested to be equal in
tests/real/test_polis_parity.py; groups cannot be, since Polis carries them from tick to tick.

    python benchmarks/run_parity.py [--json]
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from folkmoot.listen.polismath import analyse_as_polis
from folkmoot.listen.reading import read_consultation

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "data" / "golden"


def measure(folder: Path) -> dict[str, Any]:
    """Compare the groups of one conversation."""
    votes = json.loads((folder / "votes.json").read_text(encoding="utf-8"))
    key = "pid" if "pid" in votes[0] else "participant_id"
    row = {person: at for at, person in enumerate(dict.fromkeys(vote[key] for vote in votes))}
    polis = json.loads((folder / "math-pca2.json").read_text(encoding="utf-8"))
    members = dict(zip(polis["base-clusters"]["id"], polis["base-clusters"]["members"], strict=True))
    theirs = np.full(len(row), -1)
    for number, cluster in enumerate(polis["group-clusters"]):
        theirs[[row[person] for base in cluster["members"] for person in members[base]]] = number
    ours = analyse_as_polis(read_consultation(folder)).group_P
    both = (ours >= 0) & (theirs >= 0)
    return {
        "benchmark": "run_parity",
        "conversation": folder.name,
        "people": int(both.sum()),
        "groups": [int(ours.max()) + 1, int(theirs.max()) + 1],
        "rand": round(float(adjusted_rand_score(theirs[both], ours[both])), 3),
    }


def main() -> None:
    """Compare every conversation that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    for folder in sorted(GOLDEN.glob("*/")):
        row = measure(folder)
        print(json.dumps(row) if options.json else f"{row['conversation']}: {row['rand']}", flush=True)


if __name__ == "__main__":
    main()
