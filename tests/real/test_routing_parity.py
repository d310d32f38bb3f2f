"""Polis's extremity and priority of each statement, from its server's `math-pca2.json`, come out of the same votes.

Without ../shared/data nothing here is checked. A server's priorities are a tick behind its components, so that they equal
the formula only where nothing changed in the last tick.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from folkmoot.listen.reading import read_consultation
from folkmoot.listen.routing import extremity, polis_priority
from folkmoot.listen.votes import count, vote_matrix

pytestmark = pytest.mark.real

GOLDEN = Path(__file__).parents[3] / "shared" / "data" / "golden"

if not GOLDEN.is_dir():
    pytest.skip("../shared/data is absent: parity with Polis's routing is not checked", allow_module_level=True)


@pytest.mark.parametrize(
    ("name", "equal"),
    [
        ("150ptpt-3gp-no-strict-no-meta", 0.0),
        ("25ptpt-3gp-no-strict-with-meta", 1.0),
        ("above-100-ptpts", 0.0),
        ("below-100-ptpts", 0.5),
    ],
)
def test_extremity_is_exact_and_the_priority_where_it_is_not_a_tick_behind(name: str, equal: float) -> None:
    polis = json.loads((GOLDEN / name / "math-pca2.json").read_text())
    consultation = read_consultation(GOLDEN / name)
    votes_PS = vote_matrix(consultation)
    ids = [int(s.id) for s in consultation.statements]
    column = {id_: at for at, id_ in enumerate(ids)}
    reach_S = extremity(votes_PS, np.array([id_ not in polis["mod-out"] for id_ in ids]))
    there = [column[t] for t in polis["tids"]]
    theirs = np.array(polis["pca"]["comment-extremity"])
    stretch = np.sqrt(len(theirs) / len(ids))  # three statements of one conversation are not in its matrix
    assert reach_S[there] * stretch == pytest.approx(theirs, abs=1e-6)
    is_meta_S = np.array([id_ in polis["meta-tids"] for id_ in ids])
    found = polis_priority(count(votes_PS), reach_S * stretch, is_meta_S)[there]
    priority = np.array([polis["comment-priorities"][str(t)] for t in polis["tids"]])
    assert (np.abs(found / priority - 1) < 1e-9).mean() >= equal
    assert np.median(np.abs(found / priority - 1)) < 0.04
