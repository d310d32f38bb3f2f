"""The exam: how a model ranks the two responses of crossed items under each of their prompts."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Protocol

import numpy as np

from folkmoot.crossed import WrittenItem, read_items
from folkmoot.ledger import estimated_tokens
from folkmoot.models.chat import Message, ask
from folkmoot.models.local import Reply
from folkmoot.records import CrossedItem, Estimate, ItemScore, Scored
from folkmoot.statistics import bootstrap_mean


class Examinee(Protocol):
    """Whatever can say how probable a response is."""

    def log_probs(
        self, conversations: Sequence[Sequence[Message]], responses: Sequence[Sequence[str]]
    ) -> Iterator[list[Reply]]:
        """Yield the log-probability of each response under its conversation."""
        ...


class Prompting(Protocol):
    """Puts something before an exam prompt, e.g. the constitution; returns the system message or None."""

    def __call__(self, prompt: str) -> str | None:
        """Return the system message for a prompt."""
        ...


def without_constitution(prompt: str) -> None:  # noqa: ARG001
    """Put nothing before the prompt."""
    return


@cache
def exam_items() -> tuple[WrittenItem, ...]:
    """Return every exam item of the project."""
    with resources.as_file(resources.files("folkmoot.evaluate").joinpath("exam.jsonl")) as path:
        return read_items(Path(path))


def sit(
    examinee: Examinee,
    items: Sequence[CrossedItem],
    *,
    label: str,
    prompting: Prompting = without_constitution,
) -> Scored:
    """Score every item: two prompts, the same two responses behind each.

    Log-probabilities are summed over the response's tokens, its end token included.
    """
    prompts = [prompt for item in items for prompt in (item.prompt_a, item.prompt_b)]
    responses = [(item.response_a, item.response_b) for item in items for _ in range(2)]
    replies = examinee.log_probs([ask(p, system=prompting(p)) for p in prompts], responses)
    scores = []
    for item in items:
        (a_under_a, b_under_a), (a_under_b, b_under_b) = next(replies), next(replies)
        scores.append(
            ItemScore(
                item_id=item.id,
                concept=item.concept,
                stance=item.stance,
                a_under_a=a_under_a.log_prob,
                b_under_a=b_under_a.log_prob,
                a_under_b=a_under_b.log_prob,
                b_under_b=b_under_b.log_prob,
                tokens_a=a_under_a.tokens,
                tokens_b=b_under_a.tokens,
            )
        )
    return Scored(label, tuple(scores))


def exam_tokens(items: Sequence[CrossedItem], prompting: Prompting = without_constitution) -> int:
    """Return about how many tokens a model reads when it sits the exam."""
    return estimated_tokens(
        text
        for item in items
        for prompt in (item.prompt_a, item.prompt_b)
        for text in (prompting(prompt) or "", prompt, item.response_a, item.response_b)
    )


def normalised_strict_score(score: ItemScore) -> float:
    """Return the strict score on length-normalised log-probabilities (secondary: it rewards what length does not)."""
    a, b = score.tokens_a, score.tokens_b
    return float(score.a_under_a / a > score.b_under_a / b and score.b_under_b / b > score.a_under_b / a)


def summary(scored: Scored, rng: np.random.Generator) -> dict[str, object]:
    """Return item and strict score with intervals, overall, by concept and by contested axis."""
    groups: dict[str, dict[str, list[ItemScore]]] = {"by_concept": {}, "by_axis": {}}
    for score in scored.scores:
        groups["by_axis" if score.stance else "by_concept"].setdefault(score.concept, []).append(score)
    return {
        **_estimates(scored.scores, rng),
        "strict_score_length_normalised": _mean([normalised_strict_score(s) for s in scored.scores], rng).as_json(),
        **{
            name: {concept: _estimates(scores, rng) for concept, scores in sorted(by.items())}
            for name, by in groups.items()
        },
    }


def _estimates(scores: Sequence[ItemScore], rng: np.random.Generator) -> dict[str, object]:
    return {
        "item_score": _mean([s.item_score for s in scores], rng).as_json(),
        "strict_score": _mean([s.strict_score for s in scores], rng).as_json(),
    }


def _mean(values: Sequence[float], rng: np.random.Generator) -> Estimate:
    return bootstrap_mean(values, rng)
