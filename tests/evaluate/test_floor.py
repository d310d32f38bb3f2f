"""The floor learns what words alone give away, and nothing from prompts that belong elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from folkmoot.evaluate.floor import bag_of_words_floor, features, words
from folkmoot.records import CrossedItem, Preference, Scored

RULES = 30
FILLERS = [f"filler{i}" for i in range(40)]


def text(word: str, rng: np.random.Generator) -> str:
    return " ".join([*rng.choice(FILLERS, 2, replace=False), word])


def planted(rule: int, number: int, rng: np.random.Generator) -> CrossedItem:
    """Return an item in which morning goes with coffee and evening with tea, in words of its rule."""
    texts = [text(f"{word}{rule}", rng) for word in ("morning", "evening", "coffee", "tea")]
    return CrossedItem(f"item:{rule}-{number}", "privacy", None, *texts)


def preferences(items: list[CrossedItem]) -> list[Preference]:
    return [
        Preference(prompt, chosen, rejected, "principle:1", i.concept, "written by hand, not AI feedback")
        for i in items
        for prompt, chosen, rejected in (
            (i.prompt_a, i.response_a, i.response_b),
            (i.prompt_b, i.response_b, i.response_a),
        )
    ]


def exam(seed: int = 0) -> tuple[list[Preference], list[CrossedItem]]:
    rng = np.random.default_rng(seed)
    items = [planted(rule, number, rng) for rule in range(RULES) for number in range(8)]
    return preferences([i for i in items if i.id[-1] in "012345"]), [i for i in items if i.id[-1] in "67"]


def mean(scored: Scored) -> float:
    return float(np.mean([s.item_score for s in scored.scores]))


def test_the_floor_learns_a_planted_rule_of_prompt_and_response_words() -> None:
    learnt, items = exam()
    scored = bag_of_words_floor(learnt, items)
    assert mean(scored) >= 0.97
    assert np.mean([s.strict_score for s in scored.scores]) >= 0.9


def test_the_floor_is_at_chance_with_shuffled_prompts() -> None:
    means = []
    for seed in range(4):
        learnt, items = exam(seed)
        order = np.random.default_rng(seed).permutation(len(learnt))
        shuffled = [replace(p, prompt=learnt[int(i)].prompt) for p, i in zip(learnt, order, strict=True)]
        means.append(mean(bag_of_words_floor(shuffled, items)))
    assert abs(np.mean(means) - 0.5) < 0.12  # 30 rules, 4 shuffles: a standard error of about 0.045


def test_a_rule_turned_round_is_learnt_turned_round() -> None:
    learnt, items = exam()
    flipped = [replace(p, chosen=p.rejected, rejected=p.chosen) for p in learnt]
    assert mean(bag_of_words_floor(flipped, items)) <= 0.03


def test_the_same_lessons_give_the_same_floor() -> None:
    learnt, items = exam()
    assert bag_of_words_floor(learnt, items, seed=1) == bag_of_words_floor(learnt, items, seed=1)


def test_the_floor_scores_every_item_in_order() -> None:
    learnt, items = exam()
    items[0] = replace(items[0], concept="playfulness", stance="sober")
    scored = bag_of_words_floor(learnt, items)
    assert scored.label == "bag-of-words floor"
    assert [(s.item_id, s.concept, s.stance) for s in scored.scores] == [(i.id, i.concept, i.stance) for i in items]
    assert {(s.tokens_a, s.tokens_b) for s in scored.scores} == {(3, 3)}


def test_features_are_of_words_of_the_response_and_of_pairs() -> None:
    both = features([("good day", "well well thanks"), ("day good", "thanks well")])
    assert both[0].nnz == 2 + 2 * 2
    assert (both[0] != both[1]).nnz == 0
    assert (features([("", "well")]) != features([("", "thanks")])).nnz == 2
    assert (features([("good", "well")]) != features([("well", "good")])).nnz > 0


def test_rows_of_features_are_of_length_one_unless_they_say_nothing() -> None:
    rows = features([("a b", "c"), ("", "c d e"), ("a", "")])
    assert np.asarray(rows.multiply(rows).sum(axis=1)).ravel() == pytest.approx([1, 1, 0])


def test_words_are_letters_and_digits_in_lower_case() -> None:
    assert words("Don't _stop_, Ärger 24/7!") == ["don", "t", "stop", "ärger", "24", "7"]
