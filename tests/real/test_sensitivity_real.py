"""On real conversations tests of suspicion spare simulated honest people, and variations are held against the usual analysis.

Without ../shared/data nothing here is checked: neither the share of false marks on real cells, nor any variation of a real vote.
"""

from pathlib import Path

import pytest

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.honest import fit_propensities, simulate_honest
from folkmoot.listen.opinion import analyse
from folkmoot.listen.reading import read_consultation
from folkmoot.listen.sensitivity import vary
from folkmoot.listen.suspicion import mark
from folkmoot.listen.votes import vote_matrix
from folkmoot.seeds import derive

pytestmark = pytest.mark.real

DATA = Path(__file__).parents[3] / "shared" / "data"

if not DATA.is_dir():
    pytest.skip("../shared/data is absent: no false marks are counted on real cells", allow_module_level=True)


@pytest.mark.parametrize("name", ["polis/brexit-consensus", "polis/vtaiwan.uberx", "ccai/clean"])
def test_of_simulated_honest_people_hardly_any_is_marked(name: str) -> None:
    consultation = read_consultation(DATA / name)
    propensities = fit_propensities(vote_matrix(consultation), 8)
    simulated = simulate_honest(consultation, propensities, derive(0, "listen.honest", 0))
    marks, real = mark(simulated, ListenConfig(), seed=0), mark(consultation, ListenConfig(), seed=0)
    marked = marks.participants(simulated) & ~real.participants(consultation)
    assert marked.sum() <= 0.01 * marks.ballots.people
    assert not marks.by("copies").any()


@pytest.mark.parametrize("name", ["polis/brexit-consensus", "polis/scoop-hivemind.freshwater"])
def test_variations_start_from_the_usual_analysis(name: str) -> None:
    consultation = read_consultation(DATA / name)
    opinion, found = analyse(consultation), vary(consultation)
    assert (found.agreed, found.group_sizes) == (sum(s.agreed for s in opinion.statements), opinion.group_sizes)
    for varied in found.variations:
        if varied.change is not None:
            assert varied.change.before == found.agreed
            assert sum(varied.change.by_band.values()) == varied.change.changes
