"""What is drafted from every consultation of the reference data: groups, agreed statements, principles, seconds.

Runs `folkmoot run --until draft` on each folder of ../shared/data/polis and on both of ../shared/data/ccai.

    python benchmarks/run_drafts.py [--data ../shared/data] [--json]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from folkmoot.constitution import read_constitution
from folkmoot.opinion_file import read_opinion

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def drafted(consultation: Path, out: Path) -> dict[str, Any]:
    """Draft from one consultation and say what came of it."""
    command = [sys.executable, "-m", "folkmoot.cli", "run", "--until", "draft", "--json"]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "--consultation", str(consultation), "--out", str(out)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - started
    opinion = read_opinion(out / "listen" / "artefacts" / "opinion.json")
    constitution = read_constitution(Path(json.loads(done.stdout)["constitution"]))
    return {
        "benchmark": "run_drafts",
        "consultation": consultation.name,
        "participants": opinion.participants,
        "statements": len(opinion.statements),
        "votes": opinion.votes,
        "groups": list(opinion.group_sizes),
        "agreed": sum(s.agreed for s in opinion.statements),
        "from_the_public": sum(any(o.kind == "statement" for o in p.origins) for p in constitution.principles),
        "principles": len(constitution.principles),
        "stances": constitution.stances(),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Draft from every consultation there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    folders = sorted(p for p in (options.data / "polis").glob("*") if p.is_dir())
    folders += [options.data / "ccai" / "clean", options.data / "ccai" / "raw"]
    with tempfile.TemporaryDirectory() as scratch:
        for folder in (f for f in folders if f.is_dir()):
            row = drafted(folder, Path(scratch) / folder.name)
            print(
                json.dumps(row) if options.json else "\n".join(f"{k}: {v}" for k, v in row.items()) + "\n", flush=True
            )


if __name__ == "__main__":
    main()
