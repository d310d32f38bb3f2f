"""The vote algebra: names and order of people, statements and groups carry no weight, and parts add up to the whole."""

import itertools
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from folkmoot.listen.consultation import Consultation, current_votes
from folkmoot.listen.votes import (
    Counts,
    Votes,
    canonical,
    count,
    count_by_group,
    group_aware_consensus,
    means,
    tally,
    vote_matrix,
    votes_cast,
    where,
)

Rows = list[list[int | None]]
matrices: st.SearchStrategy[Rows] = st.integers(1, 6).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([None, -1, 0, 1]), min_size=width, max_size=width), min_size=1, max_size=12
    )
)
shufflers = st.randoms(use_true_random=False)
cells = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))  # agree, disagree, pass
tables = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
)


def votes(rows: Rows) -> Votes:
    at = [(p, s, v) for p, row in enumerate(rows) for s, v in enumerate(row) if v is not None]
    people, statements, values = zip(*at, strict=True) if at else ((), (), ())
    matrix = sparse.csr_array(
        (np.array(values, np.int8), (np.array(people, np.int32), np.array(statements, np.int32))),
        shape=(len(rows), len(rows[0])),
    )
    matrix.sort_indices()
    return matrix


def rows_of(votes_PS: Votes) -> Rows:
    rows: Rows = [[None] * votes_PS.shape[1] for _ in range(votes_PS.shape[0])]
    for p, row in enumerate(rows):
        for at in range(votes_PS.indptr[p], votes_PS.indptr[p + 1]):
            row[int(votes_PS.indices[at])] = int(votes_PS.data[at])
    return rows


def counted(counts: Counts) -> list[tuple[int, int, int]]:
    return list(zip(counts.agree.tolist(), counts.disagree.tolist(), counts.seen.tolist(), strict=True))


def plainly(rows: Rows) -> list[tuple[int, int, int]]:
    columns = [[v for v in column if v is not None] for column in zip(*rows, strict=True)]
    return [(column.count(1), column.count(-1), len(column)) for column in columns]


def shuffled(count_: int, shuffler: random.Random) -> list[int]:
    return shuffler.sample(range(count_), count_)


# ------------------------------------------------------------------ counts


@given(matrices, shufflers)
def test_counts_are_those_counted_plainly_whoever_voted_in_whatever_order(rows: Rows, shuffler: random.Random) -> None:
    assert counted(count(votes(rows))) == plainly(rows)
    assert counted(count(votes(rows)[shuffled(len(rows), shuffler)])) == plainly(rows)


@given(matrices, shufflers)
def test_statements_under_other_numbers_have_the_same_counts(rows: Rows, shuffler: random.Random) -> None:
    order = shuffled(len(rows[0]), shuffler)
    assert counted(count(votes([[row[s] for s in order] for row in rows]))) == [plainly(rows)[s] for s in order]


@given(matrices, st.integers(1, 4), shufflers)
def test_groups_add_up_to_the_whole_and_their_numbers_mean_nothing(
    rows: Rows, groups: int, shuffler: random.Random
) -> None:
    group_P = np.array([*range(groups), *(shuffler.randrange(groups) for _ in rows)][: len(rows)])
    groups = int(group_P.max()) + 1
    by_group = [counted(c) for c in count_by_group(votes(rows), group_P)]
    whole = [tuple(map(sum, zip(*cells, strict=True))) for cells in zip(*by_group, strict=True)]
    assert whole == plainly(rows)
    order = np.array(shuffled(groups, shuffler))
    renamed = [counted(c) for c in count_by_group(votes(rows), order[group_P])]
    assert [renamed[order[g]] for g in range(groups)] == by_group


@given(matrices)
def test_agree_disagree_and_pass_are_all_that_was_seen(rows: Rows) -> None:
    votes_PS = votes(rows)
    parts = sum(where(votes_PS, vote).toarray() for vote in (-1, 0, 1))
    assert (parts == where(votes_PS).toarray()).all()
    assert votes_cast(votes_PS).tolist() == [sum(v is not None for v in row) for row in rows]
    for s, (agree, disagree, seen) in enumerate(plainly(rows)):
        found = tally(count(votes_PS), s)
        assert (found.agree, found.disagree, found.passed, found.seen) == (
            agree,
            disagree,
            seen - agree - disagree,
            seen,
        )


@given(matrices)
def test_means_are_between_disagreeing_and_agreeing(rows: Rows) -> None:
    expected = [(agree - disagree) / max(seen, 1) for agree, disagree, seen in plainly(rows)]
    assert means(votes(rows)) == pytest.approx(expected)
    assert np.abs(means(votes(rows))).max() <= 1


@given(matrices)
def test_a_consultation_s_matrix_holds_its_votes_and_no_other(
    consultation_of: Callable[[Sequence[Sequence[int | None]]], Consultation], rows: Rows
) -> None:
    rows[0][0] = 0  # a consultation has a vote; a pass is one
    assert rows_of(vote_matrix(consultation_of(rows))) == rows


# ------------------------------------------------------------------ canonical order


@given(matrices, shufflers)
def test_the_canonical_order_is_one_and_the_same_for_every_order(rows: Rows, shuffler: random.Random) -> None:
    once = canonical(votes(rows))
    mixed = canonical(votes(rows)[shuffled(len(rows), shuffler)])
    assert rows_of(mixed) == rows_of(once)
    assert rows_of(canonical(once)) == rows_of(once)
    key = lambda row: [2 if v is None else v for v in row]  # noqa: E731
    assert sorted(rows_of(once), key=key) == sorted(rows, key=key)


# ------------------------------------------------------------------ group-aware consensus


def consensus(groups: Sequence[Sequence[tuple[int, int, int]]]) -> list[float]:
    agree = np.array([[a for a, _, _ in row] for row in groups])
    seen = np.array([[a + d + p for a, d, p in row] for row in groups])
    found: list[float] = group_aware_consensus(agree, seen).tolist()
    return found


@given(tables, shufflers)
def test_consensus_lies_between_none_and_all_and_the_order_of_groups_means_nothing(
    groups: list[list[tuple[int, int, int]]], shuffler: random.Random
) -> None:
    found = consensus(groups)
    assert all(0 < value < 1 for value in found)
    assert consensus([groups[g] for g in shuffled(len(groups), shuffler)]) == pytest.approx(found)


@given(tables, st.data())
def test_one_more_who_agrees_raises_it_and_one_who_does_not_lowers_it(
    groups: list[list[tuple[int, int, int]]], data: st.DataObject
) -> None:
    g, s = data.draw(st.integers(0, len(groups) - 1)), data.draw(st.integers(0, len(groups[0]) - 1))
    before = consensus(groups)
    for more, rises in (((1, 0, 0), True), ((0, 1, 0), False), ((0, 0, 1), False)):
        changed = [list(row) for row in groups]
        changed[g][s] = tuple(map(sum, zip(groups[g][s], more, strict=True)))  # type: ignore[assignment]
        after = consensus(changed)
        assert (after[s] > before[s]) == rises
        assert after[:s] + after[s + 1 :] == before[:s] + before[s + 1 :]


@given(tables)
def test_one_more_group_never_raises_it_and_one_that_nobody_is_in_halves_it(
    groups: list[list[tuple[int, int, int]]],
) -> None:
    before = consensus(groups)
    nobody = [(0, 0, 0)] * len(groups[0])
    assert consensus([*groups, nobody]) == pytest.approx([value / 2 for value in before])
    assert all(after < value for after, value in zip(consensus([*groups, groups[0]]), before, strict=True))


# ------------------------------------------------------------------ which vote counts

logs = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([-1, 0, 1])), min_size=1, max_size=8), min_size=1, max_size=5
)


def interleaved(log: list[list[tuple[int, int]]], shuffler: random.Random) -> list[tuple[int, int, int]]:
    """Mix the votes of people, each person's in their own order."""
    turns = list(itertools.chain.from_iterable([p] * len(own) for p, own in enumerate(log)))
    shuffler.shuffle(turns)
    rest = [iter(own) for own in log]
    return [(p, *next(rest[p])) for p in turns]


@given(logs, shufflers)
def test_the_last_vote_counts_however_people_s_votes_come_in_between_each_other(
    log: list[list[tuple[int, int]]], shuffler: random.Random
) -> None:
    expected = {(p, s): v for p, own in enumerate(log) for s, v in own}
    mixed = interleaved(log, shuffler)
    person, statement, vote = (np.array(axis, np.int32) for axis in zip(*mixed, strict=True))
    for time_V in (np.zeros(len(mixed)), np.arange(len(mixed), dtype=np.float64), np.full(len(mixed), -1e12)):
        kept = current_votes(person, statement, time_V)
        assert {(int(person[i]), int(statement[i])): int(vote[i]) for i in kept} == expected
        assert len(kept) == len(expected)
