"""Every measure on votes whose answer is known, and uncertainty that grows where it should."""

from collections.abc import Callable

import numpy as np
import pytest

from folkmoot.errors import FolkmootError
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consensus import Consensus, analyse_consensus
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.opinion import analyse
from folkmoot.records import Band, Statement

Camps = Callable[..., list[list[int | None]]]
Make = Callable[..., Consultation]


@pytest.fixture(scope="module")
def two_camps(camps: Camps, consultation_of: Make) -> tuple[Consultation, Consensus]:
    consultation = consultation_of(camps((120, 80)))
    return consultation, analyse_consensus(consultation)


def test_groups_and_agreed_statements_are_those_the_draft_uses(two_camps: tuple[Consultation, Consensus]) -> None:
    consultation, found = two_camps
    opinion = analyse(consultation)
    assert found.group_sizes == opinion.group_sizes
    assert found.group_sizes == pytest.approx((120, 80), abs=3)  # one answer in ten is noise
    assert [s.agreed for s in found.statements] == [s.agreed for s in opinion.statements]
    for here, there in zip(found.statements, opinion.statements, strict=True):
        assert here.gac.value == pytest.approx(there.group_aware_consensus)


def test_what_both_camps_share_is_certain_and_what_divides_them_is_not_agreed(
    two_camps: tuple[Consultation, Consensus],
) -> None:
    _, found = two_camps
    shared = found.statements[:8]
    assert {s.band for s in shared} == {Band.AGREED}
    assert all(s.q_value < 0.01 for s in shared)
    divided = [s for s in found.statements[8:] if s.minimum.value < 0.3 < max(t.agree / t.seen for t in s.by_group)]
    assert divided
    assert {s.band for s in divided} == {Band.NOT_AGREED}
    assert min(s.bridging for s in shared) > max(s.bridging for s in divided)
    assert min(s.gac_fair.value for s in shared) > max(s.gac_fair.value for s in divided)


def test_intervals_hold_their_values_and_stability_is_high_where_camps_are_clear(
    two_camps: tuple[Consultation, Consensus],
) -> None:
    _, found = two_camps
    assert found.stability is not None
    assert found.stability.value > 0.95
    assert all(s.gac.ci[0] <= s.gac.value <= s.gac.ci[1] for s in found.statements[:8])


def test_a_statement_at_the_bar_is_contested(consultation_of: Make) -> None:
    rng = np.random.default_rng(0)
    rows: list[list[int | None]] = [[1 if rng.random() < 0.87 else -1] + [1] * 7 for _ in range(60)]
    found = analyse_consensus(consultation_of(rows), ListenConfig(max_groups=1))
    first = found.statements[0]
    assert found.stability is None
    assert 0.05 < first.inclusion_probability < 0.95
    assert first.band is Band.CONTESTED
    assert {s.band for s in found.statements[1:]} == {Band.AGREED}


def test_fairness_does_not_fall_with_the_number_of_groups_and_counts_disagreement(consultation_of: Make) -> None:
    agree_or_pass = [[1] * 8] * 15 + [[0] * 8] * 5
    agree_or_reject = [[1] * 8] * 15 + [[-1] * 8] * 5
    one, other = (
        analyse_consensus(consultation_of(rows), ListenConfig(max_groups=1)).statements[0]
        for rows in (agree_or_pass, agree_or_reject)
    )
    assert one.gac.value == other.gac.value  # Polis's product does not see the difference
    assert one.gac_fair.value == pytest.approx(15.5 / 21 * (1 - 0.5 / 21))
    assert other.gac_fair.value == pytest.approx(15.5 / 21 * (1 - 5.5 / 21))


def test_few_votes_moderation_and_meta_are_bands_of_their_own(consultation_of: Make) -> None:
    rows: list[list[int | None]] = [[1] * 7 + [1 if p < 5 else None, 1, 1] for p in range(40)]
    statements = [Statement(str(s), f"S{s}", -1 if s == 8 else 0, s == 9) for s in range(10)]
    found = analyse_consensus(consultation_of(rows, statements))
    assert [s.band for s in found.statements[6:]] == [
        Band.AGREED,
        Band.INSUFFICIENTLY_SEEN,
        Band.NOT_COUNTED,
        Band.NOT_COUNTED,
    ]
    assert found.statements[7].q_value == 1


def test_the_same_seed_gives_the_same_and_nobody_gives_an_error(camps: Camps, consultation_of: Make) -> None:
    consultation = consultation_of(camps((40, 30)))
    assert analyse_consensus(consultation, seed=3) == analyse_consensus(consultation, seed=3)
    with pytest.raises(FolkmootError, match="nobody cast the 7 votes"):
        analyse_consensus(consultation_of([[1] + [None] * 9, [None] * 9 + [1]]))
