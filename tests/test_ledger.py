"""The ledger books every second once, over all attempts, and stops a run where its budget ends."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.errors import Incomplete, UsageError
from folkmoot.ledger import WATTS_PER_CORE, Ledger, usable_cores

bookings = st.lists(
    st.tuples(st.sampled_from(["listen", "train.supervised", "exam"]), st.integers(0, 10**9), st.floats(0, 1e5)),
    max_size=8,
)


def booked(entries: list[tuple[str, int, float]]) -> Ledger:
    ledger = Ledger()
    for what, tokens, seconds in entries:
        ledger.spend(what, tokens=tokens, seconds=seconds)
    return ledger


def test_a_second_inside_two_blocks_is_booked_once_on_the_inner_one() -> None:
    ledger = Ledger()
    start = time.monotonic()
    with ledger.timed("outer"):
        time.sleep(0.02)
        with ledger.timed("inner"):
            time.sleep(0.05)
        with ledger.timed("outer"):
            time.sleep(0.01)
    elapsed = time.monotonic() - start
    assert 0.05 <= ledger.steps["inner"].seconds < elapsed - 0.03 + 0.005
    assert ledger.steps["outer"].seconds >= 0.03
    assert ledger.seconds == pytest.approx(elapsed, abs=0.04)


def test_time_outside_a_block_is_not_booked() -> None:
    ledger = Ledger()
    with ledger.timed("work"):
        pass
    time.sleep(0.1)
    with ledger.timed("work"):
        pass
    assert ledger.seconds < 0.08


def test_an_open_block_counts_in_totals_steps_and_json() -> None:
    ledger = Ledger()
    with ledger.timed("train"):
        time.sleep(0.02)
        assert ledger.seconds >= 0.02
        assert ledger.as_json()["steps"]["train"]["seconds"] >= 0.02
        assert Ledger.sum([ledger, ledger]).seconds >= 0.04


def test_a_block_that_fails_is_booked() -> None:
    ledger = Ledger()

    @ledger.timed("train")
    def fail() -> None:
        time.sleep(0.01)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ledger.steps["train"].seconds >= 0.01
    before = ledger.seconds
    time.sleep(0.01)
    assert ledger.seconds == before


@given(bookings)
def test_json_keeps_what_was_booked(entries: list[tuple[str, int, float]]) -> None:
    ledger = booked(entries)
    back = Ledger.from_json(json.loads(json.dumps(ledger.as_json())))
    assert back.tokens == ledger.tokens
    assert back.seconds == pytest.approx(ledger.seconds, abs=0.002 * max(1, len(ledger.steps)))
    assert set(back.steps) == set(ledger.steps)


@given(bookings, bookings)
def test_a_sum_holds_what_all_spent(one: list[tuple[str, int, float]], other: list[tuple[str, int, float]]) -> None:
    total, whole = Ledger.sum([booked(one), booked(other)]), booked(one + other)
    assert total.tokens == whole.tokens
    assert total.seconds == pytest.approx(whole.seconds)
    assert set(total.steps) == set(whole.steps)


@pytest.mark.parametrize(
    "stored", [{}, {"steps": 3}, {"steps": {"a": {}}}, {"steps": {"a": {"tokens": None, "seconds": 1}}}]
)
def test_what_is_no_ledger_is_not_read_as_an_empty_one(stored: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a ledger"):
        Ledger.from_json(stored)


@pytest.mark.parametrize(
    ("what", "budget"), [("seconds", {"seconds": 10.0, "tokens": None}), ("tokens", {"seconds": None, "tokens": 99})]
)
def test_a_spent_budget_stops_the_run_resumably(what: str, budget: dict[str, float | None]) -> None:
    ledger = Ledger()
    ledger.limit(**budget)  # type: ignore[arg-type]
    ledger.spend("train", tokens=98, seconds=9.0)
    ledger.check()
    ledger.spend("train", tokens=1, seconds=1.0)
    with pytest.raises(Incomplete, match=what) as stopped:
        ledger.check()
    assert stopped.value.exit_code == 3
    assert "larger budget" in stopped.value.do


def test_energy_is_watts_times_seconds_and_says_what_it_assumes(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger()
    ledger.spend("train", seconds=1800)
    monkeypatch.delenv("FOLKMOOT_WATTS", raising=False)
    shown = ledger.as_json()
    assert shown["wh"] == shown["steps"]["train"]["wh"] == pytest.approx(WATTS_PER_CORE * usable_cores() / 2)
    assert f"{usable_cores()} CPU cores at 10 W" in shown["assumption"]
    monkeypatch.setenv("FOLKMOOT_WATTS", "65")
    shown = ledger.as_json()
    assert shown["wh"] == pytest.approx(32.5)
    assert "estimated, not measured: 65 W" in shown["assumption"]


@pytest.mark.parametrize("watts", ["much", "-3", "nan", "inf", "0"])
def test_a_wrong_number_of_watts_is_said(monkeypatch: pytest.MonkeyPatch, watts: str) -> None:
    monkeypatch.setenv("FOLKMOOT_WATTS", watts)
    with pytest.raises(UsageError, match=watts):
        Ledger().as_json()
