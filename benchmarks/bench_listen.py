"""How fast listening is, and how much memory it takes.

Every figure is of a process of its own with one thread (OMP_NUM_THREADS and the like are 1): `seconds` leaves out starting
it, importing and, where votes are simulated, simulating them; `peak_mb` is the most memory the process ever held, all of
that included. Simulated votes are three camps (50, 30 and 20% of people, well separated: `worlds.py`).

- `parity`: Polis's figures of bowling-green (2,031 people, 896 statements, 225,524 votes), ours (`analyse_as_polis`, from
  votes in memory; `from_file`: from the export) and red-dwarf 0.4.0's (`run_pipeline`, from its list of votes in memory),
  taking turns. `ratio` is red-dwarf's median by ours.
- `default`: the whole default analysis of bowling-green, 200 resamples.
- `national`: the same of 33,422 simulated people, 783 statements and 2.0 million votes, twice: `deterministic` where both
  give the same to the last digit.
- `million`: the same of 1,000,000 people, 2,000 statements and 30 million votes.
- `scaling`: the same of 500 statements and 60 votes a person, from 30 thousand to 30 million votes; `slope` is the exponent
  of time (least squares of the logarithms), of all sizes and of those from 300 thousand votes. Drawn into
  docs/images/listen-scaling.svg with `--draw`.
- `one_vote`: one new vote in the tallies (`Tallies.cast`), by groups and by statements; microseconds, median of 20 x 1,000.
- `refit`: latent factors (two of them) after a hundredth of the votes of bowling-green came last: from nothing, and from
  the fit without them (`start=`). `ratio` is cold by warm; `apart`: how far the probabilities differ that they predict for
  200,000 pairs of participant and statement, from each other and from a fit that went on for fifty more rounds or more.

    python benchmarks/bench_listen.py [--json] [--draw] [PART …]
"""

import argparse
import dataclasses
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consensus import analyse_consensus
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.factors import fit_factors
from folkmoot.listen.polismath import analyse_as_polis
from folkmoot.listen.reading import read_consultation
from folkmoot.listen.tallies import Tallies
from folkmoot.listen.votes import vote_matrix
from loglog import log_log
from worlds import camps

HERE = Path(__file__).resolve()
BOWLING_GREEN = HERE.parents[2] / "shared" / "data" / "polis" / "american-assembly.bowling-green"
PICTURE = HERE.parents[1] / "docs" / "images" / "listen-scaling.svg"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SIZES = (30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000)
SHARES = (0.5, 0.3, 0.2)
TURNS = 5
_SETTLED_AFTER = 50
Row = dict[str, Any]


# ------------------------------------------------------------------ what a process of its own does


def _timed(act: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = act()
    return time.perf_counter() - started, found


def ours() -> Row:
    """Polis's figures of bowling-green, from votes in memory and from the export."""
    consultation = read_consultation(BOWLING_GREEN)
    seconds, found = _timed(lambda: analyse_as_polis(consultation))
    from_file, _ = _timed(lambda: analyse_as_polis(read_consultation(BOWLING_GREEN)))
    return {"groups": len(found.votes_by_group), "seconds": seconds, "from_file": from_file}


def red_dwarf() -> Row:
    """The same by red-dwarf."""
    from reddwarf.implementations.polis import run_pipeline

    c = read_consultation(BOWLING_GREEN)
    votes = [
        {"participant_id": p, "statement_id": s, "vote": v, "modified": at}
        for at, (p, s, v) in enumerate(
            zip(c.participant_V.tolist(), c.statement_V.tolist(), c.vote_V.tolist(), strict=True)
        )
    ]
    out = [number for number, statement in enumerate(c.statements) if statement.moderated == -1]
    seconds, found = _timed(lambda: run_pipeline(votes=votes, mod_out_statement_ids=out, random_state=0))
    return {"groups": int(found.clusterer.labels_.max()) + 1, "seconds": seconds}


def _analysed(consultation: Consultation) -> Row:
    seconds, found = _timed(lambda: analyse_consensus(consultation, ListenConfig()))
    return {
        "people": found.participants,
        "statements": len(found.statements),
        "votes": found.votes,
        "groups": list(found.group_sizes),
        "resamples": found.resamples,
        "hash": hashlib.sha256(repr(dataclasses.astuple(found)).encode()).hexdigest()[:16],
        "seconds": seconds,
    }


def default() -> Row:
    """Analyse bowling-green."""
    return _analysed(read_consultation(BOWLING_GREEN))


def simulated(people: str, statements: str, votes: str) -> Row:
    """Analyse simulated votes."""
    p, s, v = int(people), int(statements), int(votes)
    return _analysed(camps(SHARES, p, s, seen=v / p / s).consultation)


def one_vote() -> Row:
    """Cast votes into tallies of all sizes."""
    return {
        "microseconds_by_groups": {str(groups): _per_vote(groups, 1_000) for groups in (1, 2, 5, 10, 20)},
        "microseconds_by_statements": {str(s): _per_vote(3, s) for s in (100, 1_000, 10_000, 100_000, 1_000_000)},
    }


def _per_vote(groups: int, statements: int) -> float:
    tallies = Tallies.empty(groups, np.ones(statements, dtype=bool))
    rng = np.random.default_rng(0)
    cast = [
        list(zip(*(rng.integers(0, most, 1_000).tolist() for most in (groups, statements, 3)), strict=True))
        for _ in range(20)
    ]
    seconds = [_timed(lambda votes=votes: [tallies.cast(g, s, v - 1) for g, s, v in votes])[0] for votes in cast]
    return round(float(np.median(seconds)) * 1e3, 2)


def refit() -> Row:
    """Fit latent factors from nothing, and from a fit without the last hundredth of the votes."""
    votes_PS = vote_matrix(read_consultation(BOWLING_GREEN))
    rng = np.random.default_rng(0)
    cells = votes_PS.tocoo()
    old_V = rng.random(votes_PS.nnz) >= 0.01
    before_PS = type(votes_PS)((cells.data[old_V], (cells.row[old_V], cells.col[old_V])), shape=votes_PS.shape)
    before = fit_factors(before_PS, 2)
    cold_s, cold = _timed(lambda: fit_factors(votes_PS, 2))
    warm_s, warm = _timed(lambda: fit_factors(votes_PS, 2, start=before))
    settled = cold
    for _ in range(_SETTLED_AFTER):  # each goes on for at least a round
        settled = fit_factors(votes_PS, 2, start=settled)
    pairs = [rng.integers(0, size, 200_000) for size in votes_PS.shape]
    return {
        "cold_s": cold_s,
        "warm_s": warm_s,
        "ratio": cold_s / warm_s,
        "rounds": [cold.rounds, warm.rounds],
        "apart": {
            name: _apart(a.probability(*pairs), b.probability(*pairs))
            for name, a, b in (
                ("cold, warm", cold, warm),
                ("cold, settled", cold, settled),
                ("warm, settled", warm, settled),
            )
        },
        "seconds": cold_s + warm_s,
    }


def _apart(a_V: NDArray[np.float64], b_V: NDArray[np.float64]) -> Row:
    apart_V = np.abs(a_V - b_V)
    return {"mean": float(apart_V.mean()), "99%": float(np.quantile(apart_V, 0.99)), "most": float(apart_V.max())}


TASKS = {task.__name__: task for task in (ours, red_dwarf, default, simulated, one_vote, refit)}


def alone(task: str, *arguments: int) -> Row:
    """Run a task in a process of its own and say how much memory it took."""
    command = [sys.executable, str(HERE), "--task", task, *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | ONE_THREAD, stdout=subprocess.PIPE, check=True)
    row: Row = json.loads(done.stdout)
    return row


def _run_task(task: str, arguments: list[str]) -> None:
    row = TASKS[task](*arguments)
    print(json.dumps({**row, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6}))


# ------------------------------------------------------------------ parts


def parity() -> Iterator[Row]:
    """Ours beside red-dwarf, taking turns."""
    if find_spec("reddwarf") is None:
        raise SystemExit("red-dwarf is not installed: pip install -c constraints.txt -e '.[bench]'")
    turns = [(alone("ours"), alone("red_dwarf")) for _ in range(TURNS)]
    rows = {"ours": [turn[0] for turn in turns], "red_dwarf": [turn[1] for turn in turns]}
    ratios = [theirs["seconds"] / mine["seconds"] for mine, theirs in turns]
    yield {
        "part": "parity",
        "turns": TURNS,
        **{name: _spread([row["seconds"] for row in some]) for name, some in rows.items()},
        "ours_from_file": _spread([row["from_file"] for row in rows["ours"]]),
        "ratio": _spread(ratios),
        "groups": {name: some[0]["groups"] for name, some in rows.items()},
        "peak_mb": {name: max(row["peak_mb"] for row in some) for name, some in rows.items()},
    }


def _spread(values: list[float]) -> Row:
    return {"median": float(np.median(values)), "range": [min(values), max(values)], "n": len(values)}


def whole() -> Iterator[Row]:
    """Analyse bowling-green three times."""
    rows = [alone("default") for _ in range(3)]
    yield {"part": "default", **rows[0], "seconds": _spread([row["seconds"] for row in rows])}


def national() -> Iterator[Row]:
    """Analyse two million votes twice."""
    rows = [alone("simulated", 33_422, 783, 2_000_000) for _ in range(2)]
    yield {
        "part": "national",
        **rows[0],
        "seconds": _spread([row["seconds"] for row in rows]),
        "deterministic": rows[0]["hash"] == rows[1]["hash"],
    }


def million() -> Iterator[Row]:
    """Analyse thirty million votes of a million people."""
    yield {"part": "million", **alone("simulated", 1_000_000, 2_000, 30_000_000)}


def scaling() -> Iterator[Row]:
    """Analyse ever more votes."""
    rows = []
    for votes in SIZES:
        rows.append({"part": "scaling", **alone("simulated", votes // 60, 500, votes)})
        yield rows[-1]
    votes, seconds = (np.log([row[name] for row in rows]) for name in ("votes", "seconds"))
    large = votes > np.log(250_000)
    yield {
        "part": "scaling",
        "slope": float(np.polyfit(votes, seconds, 1)[0]),
        "slope_from_300k": float(np.polyfit(votes[large], seconds[large], 1)[0]),
    }


def vote() -> Iterator[Row]:
    """Cast single votes."""
    yield {"part": "one_vote", **alone("one_vote")}


def warm() -> Iterator[Row]:
    """Fit cold and warm."""
    yield {"part": "refit", **alone("refit")}


PARTS = {
    "parity": parity,
    "default": whole,
    "national": national,
    "one_vote": vote,
    "refit": warm,
    "scaling": scaling,
    "million": million,
}


def _drawn(rows: list[Row]) -> str:
    points = [(row["votes"], row["seconds"], f"{row['seconds']:.3g} s") for row in rows]
    return log_log(points, "votes", "seconds", "Time of the whole analysis against votes")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(some) for key, some in value.items()}
    if isinstance(value, list):
        return [_rounded(some) for some in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> None:
    """Measure all parts, or those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--draw", action="store_true", help=f"draw the scaling into {PICTURE.name}")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    options = parser.parse_args()
    if options.task:
        _run_task(options.task, options.parts)
        return
    measured = []
    for name in options.parts or PARTS:
        for row in PARTS[name]():
            measured.append(row)
            shown = _rounded({"benchmark": "bench_listen", **row})
            print(json.dumps(shown) if options.json else f"{name}: {shown}", flush=True)
    if options.draw:
        PICTURE.write_text(_drawn([row for row in measured if row["part"] == "scaling" and "votes" in row]), "utf-8")


if __name__ == "__main__":
    main()
