"""Controls: what they break, and what they leave as it was."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.concepts import concepts
from folkmoot.errors import FolkmootError
from folkmoot.records import Preference, Revision
from folkmoot.train.controls import flip, placebo_constitution, shuffle_prompts
from folkmoot.train.lessons import teachable

contested = {concept.id: concept.stances for concept in concepts().values() if concept.contested}
stances = st.sets(st.sampled_from(sorted(contested))).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(contested[name]) for name in names})
)


def preference(prompt: str, number: int) -> Preference:
    return Preference(prompt, f"chosen {number}", f"rejected {number}", "principle:1", "privacy", "test")


def revision(prompt: str, number: int) -> Revision:
    return Revision(prompt, f"response {number}", "critique", f"revision {number}", "principle:1", "test")


@given(stances)
def test_flipping_changes_every_stance_and_twice_changes_none(taken: dict[str, str]) -> None:
    flipped = flip(taken)
    assert set(flipped) == set(taken)
    assert all(flipped[concept] != stance for concept, stance in taken.items())
    assert flip(flipped) == taken


def test_a_stance_that_does_not_exist_cannot_be_flipped() -> None:
    with pytest.raises(FolkmootError, match="'answer-length' has no stance 'loud'") as error:
        flip({"answer-length": "loud"})
    assert "explains, brief" in error.value.do


@given(st.integers(2, 40), st.integers(0, 1000), st.sampled_from([preference, revision]))
def test_shuffling_keeps_prompts_and_responses_and_parts_each_from_its_own(
    number: int, seed: int, make: object
) -> None:
    records = [make(f"prompt {i}", i) for i in range(number)]  # type: ignore[operator]
    shuffled = shuffle_prompts(records, np.random.default_rng(seed))
    assert Counter(record.prompt for record in shuffled) == Counter(record.prompt for record in records)
    for before, after in zip(records, shuffled, strict=True):
        assert after.prompt != before.prompt
        # nothing but the prompt changed, and the order stayed
        assert type(after)(**{**fields(after), "prompt": before.prompt}) == before


def fields(record: Preference | Revision) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__slots__}


@given(st.lists(st.sampled_from("abc")), st.integers(0, 1000))
def test_prompts_that_occur_twice_occur_twice_afterwards(prompts: list[str], seed: int) -> None:
    records = [preference(prompt, i) for i, prompt in enumerate(prompts)]
    shuffled = shuffle_prompts(records, np.random.default_rng(seed))
    assert Counter(record.prompt for record in shuffled) == Counter(prompts)
    assert [record.chosen for record in shuffled] == [record.chosen for record in records]


def test_shuffling_repeats_by_its_seed() -> None:
    records = [preference(f"prompt {i}", i) for i in range(20)]
    one, same, other = (shuffle_prompts(records, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_the_placebo_constitution_takes_no_stance_and_bears_on_no_value() -> None:
    constitution = placebo_constitution()
    assert constitution.stances() == {}
    bearings = [bearing.concept for principle in constitution.principles for bearing in principle.bearings]
    assert bearings
    assert all(concepts()[concept].placebo for concept in bearings)
    assert teachable(constitution) == set()
