"""What is shown next: Polis's priority by its formula, ours by what a vote is expected to settle."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import polygamma
from typer.testing import CliRunner

from folkmoot.cli import app
from folkmoot.listen import routing
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.routing import (
    draw,
    expected_reduction,
    inclusion_probability,
    membership,
    next_statement,
    polis_priority,
    suggest,
    worth,
)
from folkmoot.listen.tallies import Tallies
from folkmoot.listen.votes import Counts
from folkmoot.records import Statement

BAR = 0.85


def counts(*groups: tuple[int, int]) -> tuple[Any, Any]:
    """Return (agree, seen) of one statement, G x 1 each."""
    return tuple(np.array([[group[axis]] for group in groups]) for axis in (0, 1))


def bits(*groups: tuple[int, int], min_seen: int = 1) -> Any:
    """Return what a vote of each group is worth on one statement."""
    return expected_reduction(*counts(*groups), BAR, min_seen)[:, 0]


def test_the_priority_is_that_of_polis() -> None:
    overall = Counts(np.array([6, 0]), np.array([2, 0]), np.array([10, 0]))
    found = polis_priority(overall, np.array([0.5, 0.0]), np.array([False, False]))
    assert found[0] == pytest.approx(((1 - 3 / 12) * 1.5 * 7 / 12 * (1 + 8 * 2**-2)) ** 2)
    assert found[1] == pytest.approx((0.5 * 1 * 0.5 * 9) ** 2)
    assert polis_priority(overall, np.array([0.5, 0.0]), np.array([True, False]))[0] == 49


def test_statements_are_drawn_in_proportion_to_their_priority() -> None:
    rng = np.random.default_rng(0)
    first = np.bincount([draw(np.array([1.0, 3.0, 6.0]), 1, rng)[0] for _ in range(4000)]) / 4000
    assert first == pytest.approx([0.1, 0.3, 0.6], abs=0.03)
    assert sorted(draw(np.array([1.0, 3.0, 6.0]), 3, rng)) == [0, 1, 2]


def test_the_fast_trigamma_is_the_trigamma() -> None:
    x = np.concatenate([np.arange(1, 50), [1e3, 1e6]]).astype(float)
    assert routing._trigamma(x) == pytest.approx(polygamma(1, x), rel=1e-6)


def test_the_inclusion_probability_is_that_of_drawn_shares() -> None:
    rng = np.random.default_rng(1)
    for groups in (((40, 45), (25, 28)), ((18, 20), (30, 40), (12, 12)), ((90, 100),)):
        agree, seen = counts(*groups)
        share = rng.beta(agree + 1, seen - agree + 1, size=(20_000, *agree.shape))[:, :, 0]
        drawn = (np.exp(np.log(share).mean(axis=1)) >= BAR).mean()
        assert inclusion_probability(agree, seen, BAR)[0] == pytest.approx(drawn, abs=0.04)


def test_the_reduction_is_that_of_votes_drawn_from_the_posterior() -> None:
    """Bits gained by one vote, told by averaging the entropy over its two outcomes."""

    def entropy(*groups: tuple[int, int]) -> float:
        p = float(inclusion_probability(*counts(*groups), BAR)[0])
        return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))

    for a, n in ((17, 20), (8, 10), (40, 45)):
        agrees = (a + 1) / (n + 2)
        after = agrees * entropy((a + 1, n + 1), (30, 35)) + (1 - agrees) * entropy((a, n + 1), (30, 35))
        assert bits((a, n), (30, 35))[0] == pytest.approx(entropy((a, n), (30, 35)) - after, abs=0.012)


def test_what_is_contested_is_worth_more_than_what_is_settled() -> None:
    assert bits((43, 50), (42, 50))[0] > 3 * bits((5, 50), (45, 50))[0]
    assert bits((43, 50), (42, 50))[0] > bits((430, 500), (420, 500))[0]


def test_a_vote_is_worth_more_in_the_group_that_is_less_known() -> None:
    few, many = bits((13, 15), (170, 200))
    assert few > 3 * many


def test_a_statement_that_too_few_have_seen_is_looked_ahead_to() -> None:
    """All of three agree: one more vote cannot make it agreed, and yet the missing votes are worth casting."""
    assert bits((3, 3), (40, 40), min_seen=10)[0] > 1.5 * bits((3, 3), (40, 40))[0]
    assert bits((3, 3), (40, 40), min_seen=10)[1] == pytest.approx(bits((3, 3), (40, 40))[1])


def test_a_new_statement_gets_seen() -> None:
    config = ListenConfig()
    agree, seen = np.array([[0, 5, 45, 190], [0, 40, 44, 196]]), np.array([[0, 50, 50, 200], [0, 50, 50, 200]])
    tallies = Tallies(agree, seen - agree, seen, np.ones(4, dtype=bool), config)
    shown = []
    for _ in range(40):
        s = next_statement(worth(tallies), np.array([0.5, 0.5]), np.ones(4, dtype=bool))
        shown.append(s)
        tallies.cast(len(shown) % 2, s, 1)
    assert 0 in shown[:3]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=6))
def test_a_vote_is_worth_something_between_nothing_and_what_is_uncertain(cells: list[tuple[int, int]]) -> None:
    found = bits(*[(a, a + more) for a, more in cells], min_seen=10)
    assert (found >= 0).all()
    assert (found <= 2).all()


def test_groups_in_another_order_are_worth_the_same() -> None:
    assert bits((3, 9), (20, 22), (40, 60))[::-1] == pytest.approx(bits((40, 60), (20, 22), (3, 9)))


def test_votes_tell_whose_group_somebody_is_of() -> None:
    agree = np.array([[95, 50], [5, 50]])
    tallies = Tallies(agree, 100 - agree, np.full((2, 2), 100), np.ones(2, dtype=bool))
    sizes = np.array([29, 69])
    assert membership(tallies, sizes, [], []) == pytest.approx([0.3, 0.7])
    assert membership(tallies, sizes, [0], [1])[0] > 0.85
    assert membership(tallies, sizes, [0], [-1])[0] < 0.05
    assert membership(tallies, sizes, [1], [1]) == pytest.approx([0.3, 0.7])


def test_the_next_statement_suits_the_group_and_has_not_been_seen() -> None:
    worth_GS = np.array([[0.1, 0.5, 0.0], [0.3, 0.0, 0.9]])
    everything = np.ones(3, dtype=bool)
    assert next_statement(worth_GS, np.array([1.0, 0.0]), everything) == 1
    assert next_statement(worth_GS, np.array([0.0, 1.0]), everything) == 2
    assert next_statement(worth_GS, np.array([0.0, 1.0]), np.array([True, True, False])) == 0


def test_a_decision_takes_about_a_millisecond() -> None:
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 300, (6, 1000))
    agree = rng.binomial(seen, 0.7)
    tallies = Tallies(agree, seen - agree, seen, np.ones(1000, dtype=bool))
    member_G, open_S = np.full(6, 1 / 6), np.ones(1000, dtype=bool)
    best = np.inf
    for _ in range(20):
        started = time.perf_counter()
        next_statement(worth(tallies), member_G, open_S)
        best = min(best, time.perf_counter() - started)
    assert best < 0.003  # about 0.6 ms alone on a core; the rest is for busy machines


def test_suggestions_name_what_is_contested_and_hide_small_cells(
    consultation_of: Callable[..., Consultation],
) -> None:
    rng = np.random.default_rng(2)
    rows: list[list[int | None]] = []
    for _ in range(100):
        row: list[int | None] = [1, -1, *(int(v) for v in rng.choice([1, -1], 7, p=[0.86, 0.14]))]
        rows.append([*row, 1 if len(rows) < 4 else None])
    statements = [Statement(str(s), f"Statement {s}", -1 if s == 2 else 0, is_meta=s == 3) for s in range(10)]
    found = suggest(consultation_of(rows, statements), ListenConfig(shuffles=19), top=10)
    by_id = {s.statement.id: s for s in found.newcomer}
    order = list(by_id)
    assert not {"2", "3"} & set(order)
    assert order[-1] == "1" or order[-2] == "1"
    assert by_id["9"].seen is None
    assert by_id["9"].inclusion_probability is None
    assert by_id["1"].inclusion_probability == pytest.approx(0, abs=1e-3)
    assert found.polis[0].statement.id == "3"
    assert "2" not in {s.statement.id for s in found.polis}


def test_route_prints_lists_as_json_and_as_tables(examples: Path) -> None:
    done = CliRunner().invoke(app, ["listen", "route", str(examples), "--top", "3", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["k"] == len(found["groups"])
    assert found["simulated"]
    assert all(len(shown) == 3 for shown in (found["newcomer"], found["polis"], found["groups"][0]["next"]))
    table = CliRunner().invoke(app, ["listen", "route", str(examples), "--top", "3"])
    assert "To a newcomer" in table.stdout
    assert "Polis" in table.stdout


@pytest.fixture(scope="module")
def examples() -> Path:
    """The invented consultation that comes with the project."""
    return Path(__file__).parents[2] / "examples" / "harbour-town"
