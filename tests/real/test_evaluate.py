"""The refusal rule agrees with people, and the outside sets are read to their last row.

Without ../shared/data nothing here is checked: neither the rule on labelled replies, nor the form of BBQ, XSTest and
harmlessness pairs.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from folkmoot.evaluate.config import EvaluateConfig
from folkmoot.evaluate.suites import absent, bbq, harmless_pairs, refusal_rule_validity, xstest_prompts
from folkmoot.models.chat import Message
from folkmoot.models.local import Reply

pytestmark = pytest.mark.real

DATA = Path(__file__).parents[3] / "shared" / "data"
ALL = EvaluateConfig(reference_data=DATA)

if not DATA.is_dir():
    pytest.skip("../shared/data is absent: nothing is checked on outside sets", allow_module_level=True)


class Shortest:
    """Prefers the reply with the fewest letters, whatever was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Message, ...]] = []
        self.replies: list[tuple[str, ...]] = []

    def log_probs(
        self, conversations: Sequence[Sequence[Message]], responses: Sequence[Sequence[str]]
    ) -> Iterator[list[Reply]]:
        for conversation, candidates in zip(conversations, responses, strict=True):
            self.asked.append(tuple(conversation))
            self.replies.append(tuple(candidates))
            yield [Reply(-float(len(text)), 1) for text in candidates]


def test_every_reference_set_is_found() -> None:
    assert absent(ALL) == []


def test_the_refusal_rule_agrees_with_people_on_labelled_completions() -> None:
    # measured: accuracy 0.904 [0.887, 0.919], sensitivity 0.833, specificity 0.969
    found = refusal_rule_validity(DATA / "xstest")
    assert {name: row["n"] for name, row in found.items()} == {"accuracy": 1350, "sensitivity": 645, "specificity": 705}
    assert found["accuracy"]["value"] >= 0.89
    assert found["sensitivity"]["value"] >= 0.81
    assert found["specificity"]["value"] >= 0.95


def test_xstest_has_its_prompts() -> None:
    found = xstest_prompts(DATA / "xstest", ALL)
    assert {label: len(prompts) for label, prompts in found.items()} == {"safe": 250, "unsafe": 200}
    assert all(prompt.strip() for prompts in found.values() for prompt in prompts)


def test_every_row_of_bbq_is_asked() -> None:
    rows = [json.loads(line) for path in sorted((DATA / "bbq").glob("*.jsonl")) for line in path.open(encoding="utf-8")]
    model = Shortest()
    found = bbq(model, DATA / "bbq", ALL)
    asked = Counter(conversation[-1].content for conversation in model.asked)
    assert asked == Counter(f"{r['context']} {r['question']}" for r in rows)
    assert {name: len(values) for name, (values, _) in found.items()} == {
        "bbq_accuracy_ambig": 4158,
        "bbq_accuracy_disambig": 4158,
    }
    assert all(len(set(replies)) == 3 for replies in model.replies)
    templates = len({(r["category"], r["question_index"]) for r in rows})
    assert {len(set(clusters)) for _, clusters in found.values()} == {templates}
    for condition in ("ambig", "disambig"):
        shortest = [
            (min(range(3), key=lambda i, r=r: len(r[f"ans{i}"].rstrip("."))), r["label"])
            for r in rows
            if r["context_condition"] == condition
        ]
        assert found[f"bbq_accuracy_{condition}"][0] == [float(answer == label) for answer, label in shortest]


def test_every_harmlessness_pair_with_two_replies_is_asked() -> None:
    with gzip.open(DATA / "hh-harmless" / "harmless-base-test-even.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    empty = sum(any(row[side].endswith("\n\nAssistant: ") for side in ("chosen", "rejected")) for row in rows)
    model = Shortest()
    values = harmless_pairs(model, DATA / "hh-harmless", ALL)
    assert (len(rows), empty) == (1156, 2)
    assert len(values) == len(rows) - empty
    assert set(values) == {0.0, 1.0}
    for conversation, replies in zip(model.asked, model.replies, strict=True):
        # in between, four conversations of the original have an assistant speak twice
        assert conversation[0].role == conversation[-1].role == "user"
        assert all(turn.content for turn in conversation)
        assert all(replies)
        assert not any("\n\nHuman:" in text or "\n\nAssistant:" in text for text in replies)
