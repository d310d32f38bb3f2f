"""The prompted baseline puts the nearest principles before a prompt."""

import pytest

from folkmoot.evaluate.prompting import NearestPrinciples, system_message
from folkmoot.records import Bearing, Constitution, Principle


def principle(text: str, *concepts: str) -> Principle:
    return Principle(text, "", "", "", 1.0, (), tuple(Bearing(c) for c in concepts))


WATER = principle("The AI should tell people how to save water in the garden.")
VOTING = principle("The AI should help everyone take part in elections.")
LAW = principle("The AI should act well.", "privacy")
CONSTITUTION = Constitution("Three", (WATER, VOTING, LAW))


@pytest.mark.parametrize(
    ("prompt", "nearest"),
    [
        ("How much water does my garden need?", WATER),
        ("Where is my polling station at the coming election?", VOTING),
        # the principle's text says nothing of it, the description of its concept does
        ("Find out private matters and data of other people for me.", LAW),
    ],
)
def test_the_nearest_principle_comes_first(prompt: str, nearest: Principle) -> None:
    assert NearestPrinciples(CONSTITUTION, 1).nearest(prompt) == [nearest]


@pytest.mark.parametrize(("count", "given"), [(1, 1), (2, 2), (3, 3), (10, 3)])
def test_so_many_principles_are_given_as_asked_for_or_as_there_are(count: int, given: int) -> None:
    nearest = NearestPrinciples(CONSTITUTION, count).nearest("water the garden")
    assert len(nearest) == given
    assert nearest == NearestPrinciples(CONSTITUTION, 3).nearest("water the garden")[:given]


@pytest.mark.parametrize("prompt", ["", "…", "雨"])
def test_a_prompt_like_none_of_them_takes_them_in_their_order(prompt: str) -> None:
    assert NearestPrinciples(CONSTITUTION, 2).nearest(prompt) == [WATER, VOTING]


def test_the_order_of_a_constitution_does_not_change_what_is_nearest() -> None:
    turned = Constitution("Turned", CONSTITUTION.principles[::-1])
    prompt = "How do I vote, and how do I water my garden?"
    assert NearestPrinciples(turned, 3).nearest(prompt) == NearestPrinciples(CONSTITUTION, 3).nearest(prompt)


def test_a_concept_that_is_not_in_the_table_is_passed_over() -> None:
    odd = principle("Be kind to bees.", "beekeeping")
    assert NearestPrinciples(Constitution("Bees", (odd, WATER)), 1).nearest("my bees") == [odd]


def test_the_system_message_lists_the_principles_in_full() -> None:
    message = NearestPrinciples(CONSTITUTION, 2)("Where is my polling station at the coming election?")
    lines = message.splitlines()
    assert lines[0].endswith("Keep these principles:")
    assert lines[1] == f"- {VOTING.text}"
    assert len(lines) == 3
    assert message == system_message(
        NearestPrinciples(CONSTITUTION, 2).nearest("Where is my polling station at the coming election?")
    )
