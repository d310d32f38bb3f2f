"""How long an export of two million votes takes to read and to keep, beside a bare reader and a bare database.

Run it as `python benchmarks/bench_import.py [--json]`, one thread. The export is simulated (33,422 people, 783 statements,
about 2.0 million votes with times, in Polis's format). The peer does the least that could be done: polars reads the file,
checks nothing, and sqlite3 writes the rows into one table without key, check or trigger.
"""

import argparse
import json
import os
import resource
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["POLARS_MAX_THREADS"] = "1"

import numpy as np
import polars as pl

from folkmoot.listen.consultation import Consultation
from folkmoot.listen.polis_writing import write_export
from folkmoot.listen.reading import read_with_names
from folkmoot.listen.store import open_store
from worlds import camps

PEOPLE, STATEMENTS, VOTES, TURNS = 33_422, 783, 2_000_000, 3


def export_into(folder: Path) -> int:
    """Write the export; return its votes."""
    drawn = camps((0.5, 0.3, 0.2), PEOPLE, STATEMENTS, seen=VOTES / (PEOPLE * STATEMENTS)).consultation
    time_V = 1.6e12 + np.random.default_rng(0).integers(0, 10**10, len(drawn.vote_V)).astype(np.float64)
    arrays = (drawn.participant_V, drawn.statement_V, drawn.vote_V)
    timed = Consultation("town", drawn.statements, *arrays, drawn.participants, simulated=True, time_V=time_V)
    write_export(timed, [str(p) for p in range(drawn.participants)], folder)
    return len(time_V)


def ours(folder: Path, store: Path) -> dict[str, float]:
    """Read the export and keep it."""
    started = time.perf_counter()
    consultation, names = read_with_names(folder)
    read_s = time.perf_counter() - started
    with open_store(f"sqlite:///{store}", make=True) as opened:
        opened.add(consultation, names, name="town")
    imported_s = time.perf_counter() - started
    with open_store(f"sqlite:///{store}") as opened:
        started = time.perf_counter()
        assert opened.read("town").content_hash() == consultation.content_hash()
    return {"read_s": read_s, "import_s": imported_s, "read_again_s": time.perf_counter() - started}


def bare(folder: Path, store: Path) -> float:
    """Read and keep the votes, and nothing is checked."""
    started = time.perf_counter()
    rows = pl.read_csv(folder / "votes.csv", columns=["timestamp", "comment-id", "voter-id", "vote"]).rows()
    with sqlite3.connect(store) as connection:
        connection.execute("CREATE TABLE votes (time, statement, participant, vote)")
        connection.executemany("INSERT INTO votes VALUES (?, ?, ?, ?)", rows)
    return time.perf_counter() - started


def main() -> None:
    """Measure in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "export"
        votes = export_into(folder)
        turns = [
            {**ours(folder, Path(scratch) / f"{turn}.db"), "bare_s": bare(folder, Path(scratch) / f"bare{turn}.db")}
            for turn in range(TURNS)
        ]
    row: dict[str, Any] = {"benchmark": "bench_import", "votes": votes, "turns": TURNS}
    for name in turns[0]:
        values = sorted(turn[name] for turn in turns)
        row[name] = {"median": round(float(np.median(values)), 2), "range": [round(v, 2) for v in values[:: TURNS - 1]]}
    ratios = sorted(turn["import_s"] / turn["bare_s"] for turn in turns)
    row["import_over_bare"] = {
        "median": round(float(np.median(ratios)), 2),
        "range": [round(r, 2) for r in ratios[:: TURNS - 1]],
    }
    row["peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2)
    print(json.dumps(row) if options.json else row)


if __name__ == "__main__":
    main()
