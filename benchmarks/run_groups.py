"""Whether the right groups are found where they are known, and whether they stay when a twentieth of people leave.

Worlds: simulated consultations of 1,000 people and 100 statements of which 40% are seen (`worlds.py` says how they are
made), a hundred of each kind: no camps, two camps (60% and 40%), three (45, 33, 22), five (30, 25, 20, 15, 10) and a
minority (95, 5). In the first series camps are well separated (people agree with what their camp stands for nine times
in ten), in the harder one they are not (seven times in ten), and one kind of it has no camps but people spread evenly
along a line. Counted are those with at least seven votes. Of each kind:

- `right`: share of worlds in which as many groups are found as there are camps, with its Jeffreys interval;
- `rand`: adjusted Rand index between groups and camps, the mean over worlds; where there is one camp it is 1 where one
  group is found and else 0;
- `own_group`: share of worlds in which more than half of the smallest camp are in one group and are most of it: it is not lost;
- `kept`: the same with nine tenths of the smallest camp.

Each beside the same figures of Polis's method (`polismath`), which never finds fewer than two groups, and of `knowing`: everybody
put into the likeliest camp by somebody who knows how many camps there are, how large and what each stands for. Many have cast few
votes, and better than that cannot be had from them.

Drops: of each real conversation a twentieth of those with at least seven votes is left out, twenty times
(`numpy.random.default_rng(0)` to 19), and groups are found anew. `rand` is the adjusted Rand index on who is left between
these groups and those of everybody; 1 where both times there is one group. Our groups and Polis's are found on the same
drops. Intervals are a bootstrap over drops, which share people, and so a little too narrow.

    python benchmarks/run_groups.py [--json] [--worlds 100] [--drops 20]
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.groups import find_groups
from folkmoot.listen.polismath import compute
from folkmoot.listen.reading import read_consultation
from folkmoot.listen.votes import Votes, counted_statements, vote_matrix, votes_cast, where
from folkmoot.seeds import derive
from folkmoot.statistics import bootstrap_mean, paired_difference, proportion
from worlds import World, camps, on_a_line

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PEOPLE, STATEMENTS, SEEN = 1_000, 100, 0.4
KINDS = {
    "no camps": (1.0,),
    "two": (0.6, 0.4),
    "three": (0.45, 0.33, 0.22),
    "five": (0.3, 0.25, 0.2, 0.15, 0.1),
    "minority of 5%": (0.95, 0.05),
}
LINE = "a line"
SERIES = {"well separated": 0.9, "harder": 0.7}
LEFT_OUT = 0.05
CONFIG = ListenConfig()
Groups = NDArray[np.int64]
METHODS = ("ours", "polis")


def groups_by(method: str, votes_PS: Votes, counted_S: NDArray[np.bool_]) -> Groups:
    """Group people who are all in, by ours or by Polis's method."""
    if method == "ours":
        return find_groups(votes_PS, counted_S, CONFIG).group_P
    return compute(votes_PS, np.ones(votes_PS.shape[0], dtype=bool), counted_S).group_P


def who_is_in(consultation: Consultation) -> NDArray[np.bool_]:
    """Return who has enough votes to be grouped."""
    return votes_cast(vote_matrix(consultation)) >= min(CONFIG.min_votes, len(consultation.statements))


# ------------------------------------------------------------------ worlds


def measure_worlds(series: str, kind: str, worlds: int) -> dict[str, Any]:
    """Find the groups of many worlds of one kind."""
    started = time.perf_counter()
    judged = [_judged(_world(series, kind, seed)) for seed in range(worlds)]
    return {
        "benchmark": "run_groups",
        "series": series,
        "kind": kind,
        "worlds": worlds,
        **{method: _summary([world[method] for world in judged]) for method in judged[0]},
        "seconds": round(time.perf_counter() - started, 1),
    }


def _world(series: str, kind: str, seed: int) -> World:
    apart = SERIES[series]
    if kind == LINE:
        return on_a_line(PEOPLE, STATEMENTS, seen=SEEN, apart=apart, seed=seed)
    return camps(KINDS[kind], PEOPLE, STATEMENTS, seen=SEEN, apart=apart, seed=seed)


def _judged(world: World) -> dict[str, dict[str, float]]:
    is_in = who_is_in(world.consultation)
    votes_PS, camp_P = vote_matrix(world.consultation)[is_in], world.camp_P[is_in]
    every_S = np.ones(votes_PS.shape[1], dtype=bool)
    found = {method: groups_by(method, votes_PS, every_S) for method in METHODS}
    if len(world.agrees_CS) == camp_P.max() + 1:
        found["knowing"] = _likeliest(votes_PS, world, camp_P)
    is_smallest_P = camp_P == np.bincount(camp_P).argmin()
    return {
        method: {
            "groups": int(group_P.max()) + 1,
            "right": group_P.max() == camp_P.max(),
            "rand": adjusted_rand_score(camp_P, group_P),
            "own_group": _has_group(group_P, is_smallest_P, 0.5),
            "kept": _has_group(group_P, is_smallest_P, 0.9),
        }
        for method, group_P in found.items()
    }


def _likeliest(votes_PS: Votes, world: World, camp_P: Groups) -> Groups:
    chance_C = np.bincount(camp_P) / len(camp_P)
    likelihood_PC = where(votes_PS, 1) @ np.log(world.agrees_CS.T) + where(votes_PS, -1) @ np.log1p(-world.agrees_CS.T)
    group_P: Groups = (likelihood_PC + np.log(chance_C)).argmax(axis=1)
    return group_P


def _has_group(group_P: Groups, is_one_P: NDArray[np.bool_], share: float) -> bool:
    """Whether at least this share of these people are in one group, and are most of it."""
    theirs_G = np.bincount(group_P[is_one_P], minlength=group_P.max() + 1)
    home = int(theirs_G.argmax())
    return bool(theirs_G[home] >= share * is_one_P.sum() and theirs_G[home] > 0.5 * np.count_nonzero(group_P == home))


def _summary(judged: list[dict[str, float]]) -> dict[str, Any]:
    worlds = len(judged)
    return {
        "groups": dict(sorted(Counter(int(world["groups"]) for world in judged).items())),
        "right": proportion(sum(bool(world["right"]) for world in judged), worlds).as_json(),
        "rand": bootstrap_mean([world["rand"] for world in judged], derive(0, "run_groups")).as_json(),
        **{
            name: proportion(sum(bool(world[name]) for world in judged), worlds).as_json()
            for name in ("own_group", "kept")
        },
    }


# ------------------------------------------------------------------ drops


def measure_drops(folder: Path, drops: int) -> dict[str, Any]:
    """Leave out a twentieth of the people of one conversation, many times."""
    started = time.perf_counter()
    consultation = read_consultation(folder)
    is_in, counted_S = who_is_in(consultation), counted_statements(consultation)
    votes_PS = vote_matrix(consultation)[is_in]
    everybody = {method: groups_by(method, votes_PS, counted_S) for method in METHODS}
    rand = {method: np.empty(drops) for method in METHODS}
    groups: dict[str, list[int]] = {method: [] for method in METHODS}
    people = votes_PS.shape[0]
    for drop in range(drops):
        kept = np.sort(np.random.default_rng(drop).permutation(people)[round(LEFT_OUT * people) :])
        for method in METHODS:
            group_P = groups_by(method, votes_PS[kept], counted_S)
            rand[method][drop] = adjusted_rand_score(everybody[method][kept], group_P)
            groups[method].append(int(group_P.max()) + 1)
    rng = derive(0, "run_groups")
    return {
        "benchmark": "run_groups",
        "conversation": f"{folder.parent.name}/{folder.name}",
        "people": people,
        "votes": len(consultation.vote_V),
        "drops": drops,
        **{
            method: {
                "groups": int(everybody[method].max()) + 1,
                "groups_after": dict(sorted(Counter(groups[method]).items())),
                "rand": bootstrap_mean(rand[method], rng).as_json(),
                "worst": round(float(rand[method].min()), 3),
            }
            for method in METHODS
        },
        "ours_better_by": paired_difference(rand["ours"], rand["polis"], rng).as_effect(),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _rows(worlds: int, drops: int) -> Iterator[dict[str, Any]]:
    if worlds:
        for series in SERIES:
            for kind in [*KINDS, LINE] if series == "harder" else KINDS:
                yield measure_worlds(series, kind, worlds)
    if drops:
        folders = [p for name in ("polis", "ccai", "golden") for p in sorted((DATA / name).glob("*/"))]
        for folder in folders:
            yield measure_drops(folder, drops)


def main() -> None:
    """Measure all kinds of worlds, and every conversation that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--worlds", type=int, default=100, help="of each kind; 0: none")
    parser.add_argument("--drops", type=int, default=20, help="of each conversation; 0: none")
    options = parser.parse_args()
    for row in _rows(options.worlds, options.drops):
        name = row.get("conversation") or f"{row['series']}, {row['kind']}"
        measure = "rand" if "conversation" in row else "right"
        print(
            json.dumps(row)
            if options.json
            else f"{name}: {measure} " + ", ".join(f"{method} {row[method][measure]['value']}" for method in METHODS),
            flush=True,
        )


if __name__ == "__main__":
    main()
