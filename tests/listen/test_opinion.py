"""Groups are found where there are some, and only there; consensus is what Polis defines; order changes nothing."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.errors import FolkmootError
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consensus import analyse_consensus
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.opinion import analyse
from folkmoot.records import Statement, Tally

Rows = list[list[int | None]]
Make = Callable[..., Consultation]
Camps = Callable[..., Rows]
QUICK = ListenConfig(resamples=50)


def test_the_camps_are_found_and_what_they_share_is_agreed(consultation_of: Make, camps: Camps) -> None:
    opinion = analyse(consultation_of(camps([60, 40, 25])), QUICK)
    assert opinion.group_sizes == pytest.approx((60, 40, 25), abs=2)  # noise may carry somebody over a border
    assert {s.statement.id for s in opinion.statements if s.agreed} >= {str(s) for s in range(8)}
    for s in opinion.statements:
        assert s.overall == Tally(
            *(sum(getattr(t, side) for t in s.by_group) for side in ("agree", "disagree", "passed"))
        )


def test_where_answers_hang_together_by_chance_alone_there_is_one_group(consultation_of: Make) -> None:
    one_group = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        share_S = rng.uniform(0.1, 0.9, 20)
        rows = [
            [int(2 * (rng.random() < share) - 1) if rng.random() < 0.7 else None for share in share_S]
            for _ in range(150)
        ]
        one_group += len(analyse(consultation_of(rows), QUICK, seed=seed).group_sizes) == 1
    assert one_group >= 25  # 19 shuffles are exceeded by chance once in 20; fewer than 25 of 30 comes once in 300
    unasked = ListenConfig(resamples=50, shuffles=0, masks=0)
    assert len(analyse(consultation_of(rows), unasked).group_sizes) > 1, "the silhouette alone would have found groups"


def test_fewer_than_twenty_people_are_one_group(consultation_of: Make, camps: Camps) -> None:
    assert analyse(consultation_of(camps([10, 9])), QUICK).group_sizes == (19,)
    assert analyse(consultation_of(camps([12, 12])), QUICK).group_sizes == (12, 12)


def test_a_camp_too_small_is_no_group(consultation_of: Make, camps: Camps) -> None:
    assert min(analyse(consultation_of(camps([60, 50, 6])), QUICK).group_sizes) >= 10


def test_the_same_votes_of_everybody_are_one_group(consultation_of: Make) -> None:
    opinion = analyse(consultation_of([[1, -1, 0, 1, 1, 1, 1, 1]] * 40), QUICK)
    assert opinion.group_sizes == (40,)
    assert [s.agreed for s in opinion.statements] == [True, False, False, True, True, True, True, True]


def test_two_ways_to_vote_are_two_groups(consultation_of: Make) -> None:
    opinion = analyse(consultation_of([[1] * 4 + [0] * 4] * 25 + [[1] * 4 + [-1] * 4] * 15), QUICK)
    assert opinion.group_sizes == (25, 15)


def test_camps_that_differ_in_every_answer_are_found(consultation_of: Make) -> None:
    rows = [[1] * 15 + [-1] * 15] * 30 + [[-1] * 15 + [1] * 15] * 30  # each statement's votes add up to nothing
    found = analyse(consultation_of(rows), QUICK)
    assert found.group_sizes == (30, 30)
    assert not any(s.agreed for s in found.statements)
    assert analyse_consensus(consultation_of(rows), QUICK).group_sizes == (30, 30)


def test_a_single_participant_is_one_group_that_agrees_on_nothing(consultation_of: Make) -> None:
    opinion = analyse(consultation_of([[1] * 8]), QUICK)
    assert (opinion.participants, opinion.participants_in, opinion.group_sizes) == (1, 1, (1,))
    assert not any(s.agreed for s in opinion.statements)
    assert opinion.statements[0].group_aware_consensus == pytest.approx(2 / 3)


def test_where_nobody_voted_enough_this_is_said(consultation_of: Make) -> None:
    with pytest.raises(FolkmootError, match="7 votes from which a participant counts; the most anybody cast is 2"):
        analyse(consultation_of([[1, 1, *[None] * 8]] * 30), QUICK)


def test_who_voted_too_little_counts_in_all_but_in_no_group(consultation_of: Make) -> None:
    rows: Rows = [[1] * 8] * 12 + [[-1, *[None] * 7]] * 3
    opinion = analyse(consultation_of(rows), QUICK)
    assert (opinion.participants, opinion.participants_in, opinion.votes) == (15, 12, 99)
    assert (opinion.statements[0].overall, opinion.statements[0].by_group) == (Tally(12, 3, 0), (Tally(12, 0, 0),))


def test_consensus_and_bar_are_as_defined(consultation_of: Make, camps: Camps) -> None:
    opinion = analyse(consultation_of(camps([40, 30])), QUICK)
    assert opinion.threshold == pytest.approx(0.7225)
    for s in opinion.statements:
        expected = math.prod((t.agree + 1) / (t.seen + 2) for t in s.by_group)
        assert s.group_aware_consensus == pytest.approx(expected)
        assert s.agreed == (expected >= 0.85**2 and min(t.seen for t in s.by_group) >= 10)


def test_moderated_out_meta_unseen_and_little_seen_are_never_agreed(consultation_of: Make) -> None:
    statements = [Statement(str(i), "x", 1) for i in range(12)]
    statements[0] = replace(statements[0], moderated=-1)
    statements[1] = replace(statements[1], is_meta=True)
    rows: Rows = [[*[1] * 10, 1 if p < 9 else None, None] for p in range(30)]
    rows[0][11] = 0
    opinion = analyse(consultation_of(rows, statements), QUICK)
    assert [s.agreed for s in opinion.statements] == [False, False, *[True] * 8, False, False]


def test_moderated_out_statements_do_not_shape_the_groups(consultation_of: Make, camps: Camps) -> None:
    quiet = camps([40, 30])
    loud = [[*row, *[1 if p % 2 else -1] * 30] for p, row in enumerate(quiet)]
    statements = [Statement(str(i), "x", 1 if i < 24 else -1) for i in range(54)]
    assert analyse(consultation_of(loud, statements), QUICK).group_sizes == (40, 30)


def test_the_interval_narrows_with_people_and_holds_the_value(consultation_of: Make, camps: Camps) -> None:
    few, many = (analyse(consultation_of(camps([n, n])), QUICK) for n in (25, 250))
    for opinion in (few, many):
        assert all(0 <= s.interval[0] <= s.interval[1] <= 1 for s in opinion.statements)
    inside = [s.interval[0] <= s.group_aware_consensus <= s.interval[1] for s in many.statements]
    assert sum(inside) >= 22
    width = [np.mean([s.interval[1] - s.interval[0] for s in opinion.statements]) for opinion in (few, many)]
    assert width[1] < width[0] / 2


def test_the_interval_covers_what_it_says(consultation_of: Make) -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        rows = [[int(rng.random() < 0.7) * 2 - 1 for _ in range(7)] for _ in range(100)]
        low, high = analyse(consultation_of(rows), ListenConfig(max_groups=1)).statements[0].interval
        hits += low <= 0.7 <= high
    assert 88 <= hits <= 100


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_and_the_numbers_of_people_change_nothing(
    consultation_of: Make, camps: Camps, seed: int, shuffler: random.Random
) -> None:
    rows = camps([30, 30, 15], seed=seed)
    mixed = rows.copy()
    shuffler.shuffle(mixed)
    whole = consultation_of(mixed)
    order = np.array(shuffler.sample(range(len(whole.vote_V)), len(whole.vote_V)))
    scattered = replace(
        whole,
        participant_V=whole.participant_V[order],
        statement_V=whole.statement_V[order],
        vote_V=whole.vote_V[order],
    )
    assert analyse(scattered, QUICK) == analyse(consultation_of(rows), QUICK)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from([None, -1, 0, 1]), min_size=3, max_size=3), min_size=1, max_size=30))
def test_any_votes_have_an_opinion_or_say_why_not(consultation_of: Make, rows: Rows) -> None:
    rows[0] = [1, None, None]
    try:
        opinion = analyse(consultation_of(rows), ListenConfig(resamples=20, min_group=2, min_votes=2))
    except FolkmootError:
        assert all(sum(v is not None for v in row) < 2 for row in rows)
        return
    assert sum(opinion.group_sizes) == opinion.participants_in
    assert sorted(opinion.group_sizes, reverse=True) == list(opinion.group_sizes)
    for s in opinion.statements:
        assert 0 < s.group_aware_consensus < 1


def test_nothing_in_the_opinion_names_a_participant(consultation_of: Make, camps: Camps) -> None:
    opinion = analyse(consultation_of(camps([30, 30])), QUICK)
    assert not any(isinstance(getattr(opinion, name), np.ndarray) for name in type(opinion).__slots__)
    assert "participant_V" not in repr(opinion)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 5), st.integers(0, 2**31), st.randoms(use_true_random=False))
def test_neither_the_seed_nor_other_ids_of_people_and_statements_move_a_group_or_a_score(
    consultation_of: Make, camps: Camps, seed: int, other_seed: int, shuffler: random.Random
) -> None:
    rows = camps([30, 30, 15], seed=seed)
    order = shuffler.sample(range(len(rows[0])), len(rows[0]))
    ids = shuffler.sample(range(10_000), len(order))
    people = shuffler.sample(rows, len(rows))
    renamed = consultation_of(
        [[row[s] for s in order] for row in people],
        [Statement(str(ids[at]), f"Statement {s}", 1) for at, s in enumerate(order)],
    )
    once, again = analyse(consultation_of(rows), QUICK), analyse(renamed, QUICK, seed=other_seed)
    assert once.group_sizes == again.group_sizes
    scores = [
        {s.statement.text: (s.by_group, s.group_aware_consensus, s.agreed) for s in opinion.statements}
        for opinion in (once, again)
    ]
    assert scores[0] == scores[1]
