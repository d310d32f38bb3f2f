"""Cards: what must travel with a model and with what it was trained on."""

from typing import Any

import pytest
import yaml

from folkmoot import __version__
from folkmoot.records import Constitution
from folkmoot.train.cards import INVERSE_WARNING, dataset_card, model_card
from folkmoot.train.config import TrainConfig
from folkmoot.train.lessons import Lesson
from folkmoot.train.training import lessons_for

CONFIG = TrainConfig(lessons=8, seed=5)


@pytest.fixture
def lessons(constitution: Constitution) -> tuple[Lesson, ...]:
    """The lessons of a run: four on truthfulness, two each on privacy and the length of answers."""
    return lessons_for(constitution, CONFIG)


def front_matter(card: str) -> dict[str, Any]:
    before, front, _ = card.split("---\n", 2)
    assert before == ""
    return dict(yaml.safe_load(front))


@pytest.fixture(params=["model", "dataset"])
def card(request: pytest.FixtureRequest, constitution: Constitution, lessons: tuple[Lesson, ...]) -> str:
    """Either card."""
    if request.param == "model":
        return model_card(constitution, "AI feedback by tiny", CONFIG, len(lessons))
    return dataset_card(constitution, "AI feedback by tiny", lessons)


def test_a_card_opens_with_what_hubs_read(card: str) -> None:
    front = front_matter(card)
    assert front["license"] == "apache-2.0"
    assert "folkmoot" in front["tags"]


def test_a_card_carries_marks_attribution_and_who_taught(card: str, constitution: Constitution) -> None:
    for mark in constitution.marks:
        assert f"> {mark}\n" in card
    assert "> The participants were simulated.\n" in card
    assert constitution.attribution in card
    assert "AI feedback by tiny" in card
    assert constitution.title in card


def test_a_model_card_says_what_was_done_and_claims_nothing(
    constitution: Constitution, lessons: tuple[Lesson, ...]
) -> None:
    card = model_card(constitution, "AI feedback by tiny", CONFIG, len(lessons))
    assert f"`{constitution.id}`, 3 principles; stances taken: answer-length: brief." in card
    assert f"Folkmoot {__version__}; 8 lessons drawn by principle weight (seed 5)" in card
    assert "is not claimed here" in card
    assert "This is a control" not in card
    silent = model_card(Constitution("T", constitution.principles[:1]), "x", CONFIG, 8)
    assert "stances taken: none." in silent


@pytest.mark.parametrize("control", ["shuffled", "placebo", "flipped"])
def test_a_control_says_that_it_is_one(constitution: Constitution, control: str) -> None:
    card = model_card(constitution, "x", TrainConfig.model_validate({"control": control}), 8)
    assert f"> **This is a control** (`{control}`)" in card
    assert "Do not use it." in card


def test_a_dataset_card_warns_of_the_inverse_and_counts_by_concept(
    constitution: Constitution, lessons: tuple[Lesson, ...]
) -> None:
    card = dataset_card(constitution, "x", lessons)
    assert f"- **Warning:** {INVERSE_WARNING}\n" in card
    for row in ("| truthfulness | 4 |", "| privacy | 2 |", "| answer-length | 2 |"):
        assert row in card.splitlines()
