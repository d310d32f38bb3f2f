"""The exam: whoever ignores the prompt scores at chance by construction, whoever reads it can score 1."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.concepts import concepts
from folkmoot.crossed import resolve_all
from folkmoot.errors import FolkmootError
from folkmoot.evaluate.exam import exam_items, normalised_strict_score, sit, summary
from folkmoot.models.chat import Message, ask
from folkmoot.models.local import Reply
from folkmoot.records import CrossedItem, ItemScore, Scored

if TYPE_CHECKING:
    from folkmoot.models.local import LocalModel

AXES = [c for c in concepts().values() if c.contested]
FIRST, SECOND = ({c.id: c.stances[side] for c in AXES} for side in (0, 1))
EXAM = resolve_all(exam_items(), FIRST)


class Rule:
    """An examinee whose log-probabilities follow a rule on conversation and response."""

    def __init__(self, rule: Callable[[Sequence[Message], str], float]) -> None:
        self.rule = rule
        self.asked: list[tuple[Message, ...]] = []

    def log_probs(
        self, conversations: Sequence[Sequence[Message]], responses: Sequence[Sequence[str]]
    ) -> Iterator[list[Reply]]:
        for conversation, candidates in zip(conversations, responses, strict=True):
            self.asked.append(tuple(conversation))
            yield [Reply(self.rule(conversation, text), len(text.split()) + 1) for text in candidates]


def taste(response: str) -> float:
    """Return some log-probability of a response, whatever stands before it."""
    return -int(hashlib.sha256(response.encode()).hexdigest()[:8], 16) / 1e7


def knows(items: Sequence[CrossedItem]) -> Rule:
    """Return an examinee who knows what is right under each prompt."""
    right = {(i.prompt_a, i.response_a) for i in items} | {(i.prompt_b, i.response_b) for i in items}
    return Rule(lambda conversation, text: -1.0 if (conversation[-1].content, text) in right else -2.0)


def item(number: int = 0, **changes: str) -> CrossedItem:
    texts = {"prompt_a": "p", "prompt_b": "q", "response_a": "one two", "response_b": "one two three four"}
    return CrossedItem(f"item:{number}", "truthfulness", None, **{**texts, **changes})


def scores(a_under_a: float, b_under_a: float, a_under_b: float, b_under_b: float, tokens: tuple[int, int] = (1, 1)):
    return ItemScore("item:0", "truthfulness", None, a_under_a, b_under_a, a_under_b, b_under_b, *tokens)


# ------------------------------------------------------------------ who ignores the prompt


@pytest.mark.parametrize("stances", [{}, FIRST, SECOND], ids=["settled alone", "first stances", "second stances"])
@pytest.mark.parametrize(
    "rule",
    [
        lambda _, text: taste(text),
        lambda _, text: -float(len(text)),  # the shorter the better
        lambda _, text: float(len(text)),  # the longer the better
        lambda _, text: -1.0 if "sorry" in text or "can't" in text else -9.0,  # always refuses
        lambda *_: -3.0,
    ],
    ids=["taste", "shorter", "longer", "refuses", "indifferent"],
)
def test_whoever_ignores_the_prompt_scores_exactly_half_and_strictly_nothing(
    stances: dict[str, str], rule: Callable[[Sequence[Message], str], float]
) -> None:
    scored = sit(Rule(rule), resolve_all(exam_items(), stances), label="deaf")
    assert {s.item_score for s in scored.scores} == {0.5}
    assert {s.strict_score for s in scored.scores} == {0.0}
    assert {normalised_strict_score(s) for s in scored.scores} == {0.0}


@given(st.floats(-1e4, 0), st.floats(-1e4, 0))
def test_two_log_probabilities_of_responses_alone_never_score(a: float, b: float) -> None:
    one = scores(a, b, a, b)
    assert (one.item_score, one.strict_score) == (0.5, 0.0)


def test_whoever_likes_some_prompts_better_than_others_gains_nothing() -> None:
    # whole numbers, so that sums are exact
    rule = Rule(lambda conversation, text: -float(len(conversation[-1].content)) - float(len(text)))
    assert {s.item_score for s in sit(rule, EXAM, label="moody").scores} == {0.5}


# ------------------------------------------------------------------ who reads it


@pytest.mark.parametrize("stances", [FIRST, SECOND], ids=["first stances", "second stances"])
def test_whoever_knows_what_is_right_under_each_prompt_scores_all(stances: dict[str, str]) -> None:
    items = resolve_all(exam_items(), stances)
    scored = sit(knows(items), items, label="knows")
    assert {s.item_score for s in scored.scores} == {1.0}
    assert {s.strict_score for s in scored.scores} == {1.0}


def test_whoever_does_the_opposite_scores_nothing() -> None:
    right = knows(EXAM).rule
    scored = sit(Rule(lambda conversation, text: -right(conversation, text)), EXAM, label="contrary")
    assert {s.item_score for s in scored.scores} == {0.0}


def test_by_the_other_stance_who_keeps_one_is_wrong_under_the_open_prompt() -> None:
    axes = [i for i in exam_items() if i.concept in FIRST]
    flipped = sit(knows(resolve_all(axes, FIRST)), resolve_all(axes, SECOND), label="knows the other")
    # under the open prompt it prefers the other response; the explicit request it was never told of it cannot rank
    assert {s.strict_score for s in flipped.scores} == {0.0}
    assert {s.item_score for s in flipped.scores} == {0.0}


def test_a_strong_taste_hides_reading_from_the_strict_score_alone() -> None:
    right = knows(EXAM).rule
    scored = sit(Rule(lambda c, text: right(c, text) - 100.0 * len(text)), EXAM, label="wordy")
    assert {s.item_score for s in scored.scores} == {1.0}
    differ = [s for s, i in zip(scored.scores, EXAM, strict=True) if len(i.response_a) != len(i.response_b)]
    assert {s.strict_score for s in differ} == {0.0}


# ------------------------------------------------------------------ sitting


def test_every_item_is_asked_under_both_prompts_with_both_responses() -> None:
    rule = Rule(lambda c, text: -float(len(c[-1].content) * 10 + len(text)))
    (scored,) = sit(rule, [item(prompt_a="pp", prompt_b="q")], label="one").scores
    assert rule.asked == [ask("pp"), ask("q")]
    assert (scored.a_under_a, scored.b_under_a, scored.a_under_b, scored.b_under_b) == (-27.0, -38.0, -17.0, -28.0)
    assert (scored.tokens_a, scored.tokens_b) == (3, 5)
    assert (scored.item_id, scored.concept, scored.stance) == ("item:0", "truthfulness", None)


def test_scores_keep_the_order_and_the_stance_of_the_items() -> None:
    scored = sit(Rule(lambda _, text: taste(text)), EXAM, label="x")
    assert scored.label == "x"
    assert [(s.item_id, s.concept, s.stance) for s in scored.scores] == [(i.id, i.concept, i.stance) for i in EXAM]


def test_prompting_puts_a_system_message_before_each_prompt() -> None:
    rule = Rule(lambda *_: -1.0)
    sit(rule, [item()], label="prompted", prompting=lambda prompt: f"Mind {prompt}.")
    assert rule.asked == [ask("p", system="Mind p."), ask("q", system="Mind q.")]


def test_what_stands_before_the_prompt_can_change_the_score() -> None:
    right = knows(EXAM).rule
    pupil = Rule(lambda c, text: right(c, text) if c[0].role == "system" else taste(text))
    assert {s.item_score for s in sit(pupil, EXAM, label="unprompted").scores} == {0.5}
    assert {s.item_score for s in sit(pupil, EXAM, label="p", prompting=lambda _: "Be good.").scores} == {1.0}


def test_the_local_engine_sits_the_exam(tiny_engine: "LocalModel") -> None:
    items = EXAM[:3]
    scored = sit(tiny_engine, items, label="tiny")
    for one, s in zip(items, scored.scores, strict=True):
        (reply,) = next(iter(tiny_engine.log_probs([ask(one.prompt_b)], [(one.response_a,)])))
        assert s.a_under_b == pytest.approx(reply.log_prob, abs=1e-2)
        assert s.tokens_a == reply.tokens
        assert all(math.isfinite(x) and x < 0 for x in (s.a_under_a, s.b_under_a, s.a_under_b, s.b_under_b))


# ------------------------------------------------------------------ summing up


def test_the_normalised_strict_score_asks_per_token() -> None:
    # b is longer and so loses by its sum, but not by its mean
    one = scores(-10.0, -12.0, -15.0, -16.0, (5, 10))
    assert one.strict_score == 0.0
    assert normalised_strict_score(one) == 0.0  # per token b wins under prompt a too
    assert normalised_strict_score(scores(-5.0, -12.0, -15.0, -16.0, (5, 10))) == 1.0


def test_a_summary_speaks_of_all_of_concepts_and_of_axes() -> None:
    found = summary(sit(knows(EXAM), EXAM, label="knows"), np.random.default_rng(0))
    assert found["item_score"] == found["strict_score"] == {"value": 1.0, "ci": [1.0, 1.0], "n": len(EXAM)}
    assert set(found["by_axis"]) == set(FIRST)
    assert set(found["by_concept"]) == {i.concept for i in EXAM} - set(FIRST)
    groups = [*found["by_axis"].values(), *found["by_concept"].values()]
    assert sum(group["item_score"]["n"] for group in groups) == len(EXAM)


def test_each_concept_is_summed_over_its_own_items() -> None:
    wise = {"privacy", "playfulness"}
    right = knows(EXAM).rule
    concept_of = {p: i.concept for i in EXAM for p in (i.prompt_a, i.prompt_b)}
    pupil = Rule(lambda c, text: right(c, text) if concept_of[c[-1].content] in wise else taste(text))
    found = summary(sit(pupil, EXAM, label="partly"), np.random.default_rng(0))
    groups = {**found["by_axis"], **found["by_concept"]}
    assert {name for name, group in groups.items() if group["item_score"]["value"] == 1.0} == wise
    assert all(g["item_score"]["value"] == 0.5 for name, g in groups.items() if name not in wise)
    n_wise = sum(groups[name]["item_score"]["n"] for name in wise)
    assert found["strict_score"]["value"] == pytest.approx(n_wise / len(EXAM), abs=1e-6)
    low, high = found["item_score"]["ci"]
    assert 0.5 < low < found["item_score"]["value"] < high < 1


def test_an_exam_of_nothing_has_no_summary() -> None:
    with pytest.raises(FolkmootError, match="no values"):
        summary(Scored("nobody", ()), np.random.default_rng(0))


@settings(max_examples=50)
@given(st.lists(st.floats(-100, 0), min_size=4, max_size=4))
def test_swapping_prompts_turns_the_score_round(four: list[float]) -> None:
    aa, ba, ab, bb = four
    assert scores(aa, ba, ab, bb).item_score == 1 - scores(ab, bb, aa, ba).item_score
    # and renaming the two sides changes nothing
    assert scores(aa, ba, ab, bb).strict_score == scores(bb, ab, ba, aa).strict_score
