"""Attackers are marked, honest people are not, and two people of one mind are no copies."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.errors import FolkmootError
from folkmoot.listen.attackers import Attack, plant
from folkmoot.listen.ballots import Ballots, ballots_of, gaps_ms
from folkmoot.listen.bursts import all_at_once, reading_ms, too_fast
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.copies import copying
from folkmoot.listen.honest import fit_propensities, simulate_honest
from folkmoot.listen.straightlining import longest_runs, straight_lining
from folkmoot.listen.suspicion import TESTS, Marks, mark, summary
from folkmoot.listen.votes import vote_matrix
from folkmoot.records import Statement

Make = Callable[..., Consultation]
Camps = Callable[..., list[list[int | None]]]
CONFIG = ListenConfig(max_groups=3, shuffles=3)


def with_times(consultation: Consultation, seed: int = 0, gap_s: float = 8.0) -> Consultation:
    """People come over ten days; a vote takes some seconds."""
    rng = np.random.default_rng(seed)
    begin_P = rng.uniform(0, 864e6, consultation.participants)
    order_V = rng.permutation(len(consultation.vote_V))  # statements are seen in an order of their own
    time_V = np.empty(len(order_V))
    for person in range(consultation.participants):
        own = order_V[consultation.participant_V[order_V] == person]
        time_V[own] = begin_P[person] + 1000 * np.cumsum(rng.lognormal(np.log(gap_s), 0.6, len(own)))
    return replace(consultation, time_V=time_V)


def public(seed: int, people: int = 300, statements: int = 60) -> list[list[int | None]]:
    """Two camps of people who differ in how readily they agree; statements of all popularities."""
    rng = np.random.default_rng(seed)
    odds_S, sides_S = rng.normal(0, 1.2, statements), rng.normal(0, 1.0, statements)
    rows: list[list[int | None]] = []
    for person in range(people):
        odds = odds_S + (1 if person % 2 else -1) * sides_S + rng.normal(0, 0.5)
        said = np.where(rng.random(statements) < 1 / (1 + np.exp(-odds)), 1, -1)
        said = np.where(rng.random(statements) < 0.1, 0, said)
        rows.append([int(v) if rng.random() < 0.6 else None for v in said])
    return rows


@pytest.fixture(scope="module")
def honest(consultation_of: Make) -> Consultation:
    return with_times(consultation_of(public(0)))


def planted_share(honest: Consultation, attack: Attack, test: str) -> tuple[float, float]:
    """Return the share of planted and of other people that a test marks."""
    propensities = fit_propensities(vote_matrix(honest), 2)
    grown = plant(honest, attack, 12, propensities, np.random.default_rng(1))
    marks = mark(grown, CONFIG, seed=0)
    is_planted = marks.ballots.participant_P >= honest.participants
    return float(marks.by(test)[is_planted].mean()), float(marks.by(test)[~is_planted].mean())


@pytest.mark.parametrize(
    ("attack", "test", "least"),
    [
        (Attack.STRAIGHT_LINE, "straight-lining", 0.7),
        (Attack.COPY, "copies", 0.25),
        (Attack.REPLAY, "copies", 0.5),
        (Attack.BOT, "speed", 0.9),
    ],
)
def test_planted_attackers_are_marked_and_others_are_not(
    honest: Consultation, attack: Attack, test: str, least: float
) -> None:
    slow_texts = tuple(replace(s, text="x" * 140) for s in honest.statements)
    power, false = planted_share(replace(honest, statements=slow_texts), attack, test)
    assert power >= least
    assert false <= 0.01


def test_honest_people_are_hardly_ever_marked(consultation_of: Make) -> None:
    marked = people = 0
    for seed in range(4):
        marks = mark(with_times(consultation_of(public(seed)), seed), CONFIG, seed=seed)
        marked, people = marked + int(marks.by("any").sum()), people + marks.ballots.people
    assert people > 1100
    assert marked <= 0.005 * people


def test_a_crowd_within_a_minute_is_marked_and_a_couple_is_not(honest: Consultation) -> None:
    assert honest.time_V is not None

    def together(count: int) -> Marks:
        time_V = honest.time_V.copy()  # type: ignore[union-attr]
        for person in range(count):
            own = honest.participant_V == person
            time_V[own] += 2e9 + 1000 * person - time_V[own].min()
        return mark(replace(honest, time_V=time_V), CONFIG, seed=0)

    crowd = together(20)
    assert set(crowd.ballots.participant_P[crowd.by("arrival")]) == set(range(20))
    assert not together(2).by("arrival").any()


def test_two_people_of_one_mind_on_popular_statements_are_no_copies(consultation_of: Make) -> None:
    rng = np.random.default_rng(0)
    rows: list[list[int | None]] = [[int(rng.choice([1, -1], p=[0.9, 0.1])) for _ in range(7)] for _ in range(60)]
    rows[0] = rows[1] = [1] * 7
    ballots, p_P = _copies(consultation_of(rows))
    assert p_P[np.isin(ballots.participant_P, (0, 1))].min() > 0.5


def test_two_people_who_share_thirty_rare_votes_are(consultation_of: Make) -> None:
    rows = public(3, people=200)
    rows[0] = [1 if v is None else v for v in rows[0]]
    rows[1] = list(rows[0])
    ballots, p_P = _copies(consultation_of(rows))
    assert p_P[np.isin(ballots.participant_P, (0, 1))].max() < 1e-4
    assert p_P[~np.isin(ballots.participant_P, (0, 1))].min() > 1e-3


def _copies(consultation: Consultation) -> tuple[Ballots, np.ndarray]:
    ballots = ballots_of(consultation, at_least=1)
    own_PS = vote_matrix(consultation)[ballots.participant_P]
    propensities = fit_propensities(own_PS, 2)
    p_P, _ = copying(ballots, propensities, len(consultation.statements), np.random.default_rng(0))
    return ballots, p_P


def test_without_times_speed_and_arrival_are_not_asked(consultation_of: Make, camps: Camps) -> None:
    found = {m.test: m for m in summary(mark(consultation_of(camps([40, 30])), CONFIG, seed=0))}
    assert {test for test in found if not found[test].asked} == {"speed", "arrival"}
    assert set(found) == {*TESTS, "any"}
    assert not any(isinstance(getattr(m, name), np.ndarray) for m in found.values() for name in type(m).__slots__)


def test_whole_seconds_are_given_a_second(consultation_of: Make) -> None:
    rows: list[list[int | None]] = [[1] * 40]
    quick = consultation_of(rows, [Statement(str(i), "x" * 70) for i in range(40)])  # 1.3 s to read
    reading_S = reading_ms(quick.statements)
    coarse, fine = (replace(quick, time_V=1e6 + step * np.arange(40.0)) for step in (1000, 1001))
    assert too_fast(ballots_of(coarse, at_least=1), reading_S)[0] == 1.0
    assert too_fast(ballots_of(fine, at_least=1), reading_S)[0] < 1e-6


def test_a_chinese_letter_takes_as_long_as_three() -> None:
    latin, chinese = reading_ms([Statement("1", "abc"), Statement("2", "交")])
    assert latin == chinese


votes = st.lists(st.lists(st.sampled_from([None, -1, 0, 1]), min_size=9, max_size=9), min_size=2, max_size=12)


@settings(max_examples=30, deadline=None)
@given(votes, st.integers(0, 9))
def test_runs_are_those_that_plain_counting_finds(
    consultation_of: Make, rows: list[list[int | None]], seed: int
) -> None:
    rows[0][0] = 1
    timed = consultation_of(rows)
    timed = replace(timed, time_V=np.random.default_rng(seed).permutation(len(timed.vote_V)).astype(float))
    ballots = ballots_of(timed, at_least=1)
    for kind in (-1, 0, 1):
        for person, found in enumerate(longest_runs(ballots, kind)):
            said = "".join("x" if v == kind else " " for v in ballots.vote_V[ballots.of(person)])
            assert found == max(map(len, said.split()), default=0)


@settings(max_examples=30, deadline=None)
@given(votes, st.booleans(), st.integers(0, 9))
def test_every_p_value_is_one(consultation_of: Make, rows: list[list[int | None]], is_timed: bool, seed: int) -> None:
    rows[0][0] = 1
    consultation = consultation_of(rows)
    if is_timed:
        rng = np.random.default_rng(seed)
        consultation = replace(consultation, time_V=rng.integers(0, 10, len(consultation.vote_V)).astype(float))
    marks = mark(consultation, ListenConfig(min_votes=1, min_group=2), seed=seed)
    for p_P in marks.p_by_test.values():
        assert np.isfinite(p_P).all()
        assert ((p_P >= 0) & (p_P <= 1)).all()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_the_order_and_the_numbers_of_people_mark_nobody_else(consultation_of: Make, seed: int) -> None:
    whole = with_times(consultation_of(public(1, people=60)))
    rng = np.random.default_rng(seed)
    number, order = rng.permutation(whole.participants).astype(np.int32), rng.permutation(len(whole.vote_V))
    mixed = replace(
        whole,
        participant_V=number[whole.participant_V[order]],
        statement_V=whole.statement_V[order],
        vote_V=whole.vote_V[order],
        time_V=whole.time_V[order],  # type: ignore[index]
    )
    one, other = mark(whole, CONFIG, seed=0), mark(mixed, CONFIG, seed=0)
    for test in TESTS:
        assert one.p_by_test[test] == pytest.approx(other.p_by_test[test])


def test_without_spread_the_chance_of_a_run_is_bounded_from_above(consultation_of: Make) -> None:
    rng = np.random.default_rng(0)
    rows = [[int(v) for v in rng.choice([-1, 1], 40)] for _ in range(400)]
    ballots = ballots_of(with_times(consultation_of(rows)), at_least=1)
    p_P = straight_lining(ballots, np.zeros(ballots.people, dtype=np.int64), 40)
    for level in (0.2, 0.1, 0.05, 0.01):
        assert (p_P <= level).mean() <= level + 3 * math.sqrt(level / len(p_P))
    assert (p_P <= 0.3).any(), "the bound is not empty"


def test_as_many_of_a_kind_as_chance_gives_is_bounded_from_above(consultation_of: Make) -> None:
    rng = np.random.default_rng(0)
    rows = [[int(v) for v in rng.choice([-1, 1], 40)] for _ in range(400)]
    ballots = ballots_of(consultation_of(rows), at_least=1)
    p_P = straight_lining(ballots, np.zeros(ballots.people, dtype=np.int64), 40)
    for level in (0.2, 0.1, 0.05, 0.01):
        assert (p_P <= level).mean() <= level + 3 * math.sqrt(level / len(p_P))


def test_simulated_honest_people_see_what_real_ones_saw_and_vote_alike(honest: Consultation) -> None:
    simulated = simulate_honest(honest, fit_propensities(vote_matrix(honest), 2), np.random.default_rng(0))
    assert simulated.simulated
    assert (simulated.participant_V == honest.participant_V).all()
    assert (simulated.statement_V == honest.statement_V).all()
    for kind in (-1, 0, 1):
        assert (simulated.vote_V == kind).mean() == pytest.approx((honest.vote_V == kind).mean(), abs=0.02)
    gaps = [np.nanmedian(gaps_ms(ballots_of(c, at_least=2))) for c in (honest, simulated)]  # type: ignore[arg-type]
    assert gaps[1] == pytest.approx(gaps[0], rel=0.1)


def test_where_nobody_voted_on_twenty_statements_no_attacker_can_follow(consultation_of: Make) -> None:
    few = consultation_of([[1, -1, 1]] * 5)
    with pytest.raises(FolkmootError, match="nobody cast 20 votes"):
        plant(few, Attack.COPY, 3, fit_propensities(vote_matrix(few), 0), np.random.default_rng(0))


def test_everybody_at_once_is_no_crowd_beside_an_even_stream(consultation_of: Make) -> None:
    many = with_times(consultation_of([[1, -1, 1]] * 400))
    assert all_at_once(ballots_of(many, at_least=1)).min() > 1e-4


def test_a_small_minority_of_its_own_mind_is_not_marked(consultation_of: Make, camps: Camps) -> None:
    for seed in range(5):
        rows = camps([120, 100, 12], seed=seed, statements=45)
        marks = mark(with_times(consultation_of(rows), seed), CONFIG, seed=0)
        minority = marks.ballots.participant_P >= 220
        assert marks.by("straight-lining")[minority].sum() <= 1
