"""How often the tests of suspicious voting mark honest people, and how often attackers; on real conversations.

Honest people are simulated: the latent factors fitted to the real conversation (eight of them, where the test itself uses two)
draw a vote for everybody on every statement they really saw, in the same order. `false_marks` counts all of them as honest;
`false_marks_beside_real` leaves out whoever is marked in the real votes, for the model learns to pass on everything from somebody
who did. `anybody_marked` is how many worlds hold a mark at all. Attackers are then planted among simulated honest people, twenty
of one kind at a time: `power` is the share of them that is marked, `false_of_marked` the share of marks that fall on others whom
the real votes do not mark.

    python benchmarks/run_suspicion.py [--json] [--worlds N] [NAME …]
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from folkmoot.listen.attackers import Attack, plant
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.honest import Propensities, fit_propensities, simulate_honest
from folkmoot.listen.reading import read_consultation
from folkmoot.listen.suspicion import NEEDS_TIMES, TESTS, Marks, mark, summary
from folkmoot.listen.votes import vote_matrix
from folkmoot.seeds import derive
from folkmoot.statistics import proportion

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NAMES = (
    "polis/vtaiwan.uberx",
    "polis/brexit-consensus",
    "polis/austria-climate.5twd2jsnkf.2022-08-08",
    "ccai/clean",
)
FACTORS = 8
PLANTED = 20
CONFIG = ListenConfig()
ALL = (*TESTS, "any")


def measure(name: str, worlds: int) -> dict[str, Any]:
    """Test one real conversation, its simulated honest copies, and those with attackers."""
    consultation = read_consultation(DATA / name)
    propensities = fit_propensities(vote_matrix(consultation), FACTORS)
    started = time.perf_counter()
    real = mark(consultation, CONFIG, seed=0)
    seconds = time.perf_counter() - started
    asked = [test for test in ALL if consultation.time_V is not None or test not in NEEDS_TIMES]
    return {
        "benchmark": "run_suspicion",
        "consultation": name,
        "participants_in": real.ballots.people,
        "real": {m.test: {"people": m.people, "share": m.share.as_json()} for m in summary(real) if m.test in asked},
        **honest(consultation, propensities, real, worlds, asked),
        "attacks": {
            attack: attacked(consultation, propensities, real, attack, worlds=worlds, asked=asked)
            for attack in attacks(asked)
        },
        "worlds": worlds,
        "seconds_to_test": round(seconds, 2),
    }


def attacks(asked: list[str]) -> list[Attack]:
    """Bots are seen by their times alone."""
    return [attack for attack in Attack if attack is not Attack.BOT or "speed" in asked]


def honest(
    consultation: Consultation, propensities: Propensities, real: Marks, worlds: int, asked: list[str]
) -> dict[str, Any]:
    """Count marks on simulated honest people."""
    marked = dict.fromkeys(asked, 0)
    beside, in_world = dict(marked), dict(marked)
    unmarked = ~real.by("any")
    for world in range(worlds):
        simulated = simulate_honest(consultation, propensities, derive(0, "listen.honest", world))
        marks = mark(simulated, CONFIG, seed=world)
        for test in asked:
            found = marks.by(test)
            marked[test] += int(found.sum())
            beside[test] += int(found[unmarked].sum())
            in_world[test] += bool(found[unmarked].any())
    people = worlds * real.ballots.people
    return {
        "false_marks": {test: proportion(n, people).as_json() for test, n in marked.items()},
        "false_marks_beside_real": {
            test: proportion(n, worlds * int(unmarked.sum())).as_json() for test, n in beside.items()
        },
        "anybody_marked_beside_real": {test: proportion(n, worlds).as_json() for test, n in in_world.items()},
    }


def attacked(
    consultation: Consultation,
    propensities: Propensities,
    real: Marks,
    attack: Attack,
    *,
    worlds: int,
    asked: list[str],
) -> dict[str, Any]:
    """Count marks on planted attackers, and on the honest people beside them."""
    right, others = dict.fromkeys(asked, 0), dict.fromkeys(asked, 0)
    suspicious = np.append(real.participants(consultation), np.zeros(PLANTED, dtype=bool))
    for world in range(worlds):
        simulated = simulate_honest(consultation, propensities, derive(0, "listen.honest", world))
        grown = plant(simulated, attack, PLANTED, propensities, derive(0, "listen.attack", attack, world))
        marks = mark(grown, CONFIG, seed=world)
        is_planted = marks.ballots.participant_P >= consultation.participants
        for test in asked:
            right[test] += int(marks.by(test)[is_planted].sum())
            others[test] += int(marks.by(test)[~is_planted & ~suspicious[marks.ballots.participant_P]].sum())
    return {
        "power": {test: proportion(n, worlds * PLANTED).as_json() for test, n in right.items()},
        "false_of_marked": {
            test: proportion(others[test], others[test] + right[test]).as_json() if others[test] + right[test] else None
            for test in asked
        },
    }


def main() -> None:
    """Measure the named conversations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--worlds", type=int, default=10, help="simulated conversations of each kind")
    parser.add_argument("names", nargs="*", metavar="NAME", help="folders below shared/data")
    options = parser.parse_args()
    for name in options.names or NAMES:
        row = measure(name, options.worlds)
        if options.json:
            print(json.dumps(row), flush=True)
        else:
            power = {attack: found["power"]["any"]["value"] for attack, found in row["attacks"].items()}
            print(f"{name}: false marks {row['false_marks']['any']}, power {power}", flush=True)


if __name__ == "__main__":
    main()
