"""What the preference stage compares: twins as one, everything else by itself."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from folkmoot.train.preference import PackPreferences, comparisons


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


def test_a_liking_for_a_response_alone_does_not_move_the_comparison_of_twins() -> None:
    # a shift of one response's log-probability under every prompt enters the twins' margins with opposite signs
    batch = PackPreferences(0)([row("a", "b"), row("b", "a")])
    liking = torch.tensor([3.0, -3.0])
    summed = torch.zeros(1).index_add(0, batch["comparison"], liking)
    assert summed.item() == 0.0
