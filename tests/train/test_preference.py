"""What the preference stage compares: twins as one, everything else by itself."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.train.preference import PackPreferences, by_comparison, comparisons


def row(chosen: str, rejected: str, probability: float = 1.0, prompt: str = "p") -> dict[str, Any]:
    return {
        "prompt_ids": [ord(c) for c in prompt],
        "chosen_ids": [ord(c) for c in chosen],
        "rejected_ids": [ord(c) for c in rejected],
        "probability": probability,
        "ref_chosen_logps": -1.0,
        "ref_rejected_logps": -2.0,
    }


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("a", "b"), row("b", "a")], [0, 0]),
        ([row("a", "b"), row("b", "a"), row("c", "d"), row("d", "c")], [0, 0, 1, 1]),
        ([row("a", "b"), row("c", "d")], [0, 1]),
        ([row("a", "b"), row("a", "b")], [0, 1]),
        ([row("a", "b"), row("b", "a"), row("a", "b")], [0, 0, 1]),
        ([row("c", "d"), row("a", "b"), row("b", "a")], [0, 1, 1]),
        ([row("a", "b")], [0]),
    ],
)
def test_twins_are_two_neighbours_with_opposite_wishes(rows: list[Mapping[str, Any]], expected: list[int]) -> None:
    assert comparisons(rows) == expected


def test_a_batch_tells_which_rows_are_compared_together_and_how_sure_the_feedback_is() -> None:
    batch = PackPreferences(0)([row("a", "b", 0.9), row("b", "a", 0.7), row("c", "d", 0.6)])
    assert batch["comparison"].tolist() == [0, 0, 1]
    assert torch.allclose(batch["probability"], torch.tensor([0.8, 0.6]))


@given(scores=st.lists(st.floats(-80, 0), min_size=4, max_size=4), liking=st.floats(-20, 20))
def test_a_liking_for_a_response_alone_does_not_move_the_comparison_of_twins(
    scores: list[float], liking: float
) -> None:
    comparison = PackPreferences(0)([row("a", "b"), row("b", "a")])["comparison"]

    def margin(a_first: float, b_first: float, b_second: float, a_second: float) -> float:
        chosen, rejected = torch.tensor([a_first, b_second]), torch.tensor([b_first, a_second])
        return float(by_comparison(chosen - rejected, comparison))

    one, other, third, last = scores
    assert margin(one + liking, other, third, last + liking) == pytest.approx(margin(*scores), abs=1e-3)
    # and what belongs to a response under one prompt alone does move it
    assert margin(one + 1, other, third, last) == pytest.approx(margin(*scores) + 1, abs=1e-3)
