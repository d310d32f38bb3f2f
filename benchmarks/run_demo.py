"""Wall time and memory of the whole road at smoke, and how well the forecast knew them.

Runs `folkmoot run --scale smoke` in a process of its own on the example consultation and, where the reference data are
there, on ccai/clean. `ratio` is forecast seconds / spent seconds; the aim is within a factor of two, in at most 600 s and
6 GB on two cores. Seconds are those of this machine at this moment: compare runs of one session only.

    python benchmarks/run_demo.py [--json] [--out DIR]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CONSULTATIONS = (ROOT / "examples" / "harbour-town", ROOT.parent / "shared" / "data" / "ccai" / "clean")


def folkmoot(*arguments: object) -> tuple[dict[str, Any], float]:
    """Run a command that prints JSON; return what it printed and its wall seconds."""
    command = [sys.executable, "-m", "folkmoot.cli", *map(str, arguments), "--json"]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout), time.perf_counter() - started


def measure(consultation: Path, out: Path) -> dict[str, Any]:
    """Forecast one run, do it, and do it again."""
    asked = ("run", "--consultation", consultation, "--scale", "smoke", "--out", out / consultation.name)
    forecast, _ = folkmoot(*asked, "--dry-run")
    result, seconds = folkmoot(*asked)
    _, again = folkmoot(*asked)
    change = result["effects"]["final_vs_untrained"]
    return {
        "benchmark": "run_demo",
        "consultation": consultation.name,
        "seconds": round(seconds, 1),
        "seconds_second_time": round(again, 1),
        "forecast_seconds": round(forecast["seconds"], 1),
        "ratio": round(forecast["seconds"] / seconds, 2),
        # the largest of all processes so far, so the second row can only show more
        "peak_gb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20, 2),
        "final_vs_untrained": change,
    }


def main() -> None:
    """Measure every consultation that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--out", type=Path, help="keep the runs here instead of a folder that is removed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for consultation in CONSULTATIONS:
            if not consultation.is_dir():
                print(f"{consultation.name}: not there, left out", file=sys.stderr)
                continue
            row = measure(consultation, options.out or Path(scratch))
            print(json.dumps(row) if options.json else "\n".join(f"{k}: {v}" for k, v in row.items()), flush=True)


if __name__ == "__main__":
    main()
