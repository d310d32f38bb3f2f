"""The packaged item files: enough of everything, in their form, apart from one another, without a give-away."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import folkmoot
from folkmoot.concepts import concepts
from folkmoot.crossed import CANARY, WrittenItem, read_items
from folkmoot.evaluate.exam import exam_items
from folkmoot.similarity import NEAR_COPY, near_copies, shingles
from folkmoot.train.lessons import development_items, placebo_lessons, written_lessons

PACKAGE = Path(folkmoot.__file__).parent
FILES = {
    "lessons": PACKAGE / "train" / "lessons.jsonl",
    "dev": PACKAGE / "train" / "dev.jsonl",
    "placebo": PACKAGE / "train" / "placebo.jsonl",
    "exam": PACKAGE / "evaluate" / "exam.jsonl",
}
SETS = {name: read_items(path) for name, path in FILES.items()}


def texts(item: WrittenItem) -> list[str]:
    whole = (item.prompt_open, item.prompt_a, item.prompt_b, item.response_a, item.response_b)
    return [text for text in whole if text is not None]


def concepts_of(name: str) -> set[str]:
    return {item.concept for item in SETS[name]}


def near_copies_across(labelled: Sequence[tuple[str, str]]) -> list[tuple[float, str, str]]:
    """Return (Jaccard, text, text) of near copies whose labels differ.

    `near_copies` for thousands of texts at once: all intersections are one sparse product.
    """
    columns: dict[str, int] = {}
    index: list[int] = []
    ends = [0]
    for _, text in labelled:
        index += [columns.setdefault(shingle, len(columns)) for shingle in shingles(text)]
        ends.append(len(index))
    shape = (len(labelled), len(columns))
    has = sparse.csr_matrix((np.ones(len(index), dtype=np.int32), index, ends), shape=shape)
    shared = (has @ has.T).tocoo()
    sizes = np.diff(ends)
    jaccard = shared.data / (sizes[shared.row] + sizes[shared.col] - shared.data)
    return [
        (float(jaccard[k]), labelled[i][1], labelled[j][1])
        for k in np.flatnonzero(jaccard > NEAR_COPY)
        if (i := int(shared.row[k])) < (j := int(shared.col[k])) and labelled[i][0] != labelled[j][0]
    ]


# ------------------------------------------------------------------ enough of everything


@pytest.mark.parametrize(("name", "least"), [("lessons", 240), ("dev", 60), ("exam", 240), ("placebo", 60)])
def test_there_are_enough_items(name: str, least: int) -> None:
    assert len(SETS[name]) >= least


def test_the_stages_read_these_files() -> None:
    assert (written_lessons(), development_items(), placebo_lessons(), exam_items()) == tuple(SETS.values())


def test_the_exam_covers_many_concepts_and_every_one_of_the_table() -> None:
    assert len(concepts_of("exam")) >= 16
    assert concepts_of("exam") == {c.id for c in concepts().values() if not c.placebo}


def test_enough_contested_axes_are_both_taught_and_examined() -> None:
    axes = {c.id for c in concepts().values() if c.contested}
    assert len(axes & concepts_of("lessons") & concepts_of("exam")) >= 8


def test_transfer_can_be_measured() -> None:
    examined_only = concepts_of("exam") - concepts_of("lessons") - concepts_of("dev")
    assert len(examined_only) >= 4
    assert examined_only == {c.id for c in concepts().values() if not c.taught}


def test_what_is_marked_as_taught_has_lessons_and_development_items() -> None:
    taught = {c.id for c in concepts().values() if c.taught and not c.placebo}
    assert concepts_of("lessons") == taught
    assert concepts_of("dev") == taught


def test_placebo_lessons_bear_on_no_value() -> None:
    assert all(concepts()[concept].placebo for concept in concepts_of("placebo"))


def test_no_concept_is_examined_on_a_handful_of_items() -> None:
    assert min(Counter(item.concept for item in SETS["exam"]).values()) >= 5


# ------------------------------------------------------------------ in their form


@pytest.mark.parametrize("name", FILES)
def test_every_line_carries_the_canary(name: str) -> None:
    lines = FILES[name].read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(SETS[name])
    assert all(json.loads(line)["canary"] == CANARY for line in lines)


@pytest.mark.parametrize("name", ["lessons", "dev", "placebo"])
def test_what_is_learnt_from_says_what_is_wrong(name: str) -> None:
    for item in SETS[name]:
        assert item.critique_a, item.prompt_a
        assert item.critique_b, item.prompt_a
        assert item.critique_a != item.critique_b, item.prompt_a


def test_the_exam_says_nothing_of_right_and_wrong() -> None:
    assert not any(item.critique_a or item.critique_b for item in SETS["exam"])


@pytest.mark.parametrize("name", FILES)
def test_the_prompts_of_an_item_differ(name: str) -> None:
    for item in SETS[name]:
        prompts = [p for p in (item.prompt_open, item.prompt_a, item.prompt_b) if p is not None]
        assert len(set(prompts)) == len(prompts), item.prompt_a


# ------------------------------------------------------------------ apart from one another


@pytest.mark.parametrize("name", FILES)
def test_no_item_stands_twice_in_a_file(name: str) -> None:
    assert len({item.id for item in SETS[name]}) == len(SETS[name])


def test_no_prompt_or_response_occurs_exactly_or_nearly_in_two_sets() -> None:
    labelled = [(name, text) for name, items in SETS.items() for item in items for text in texts(item)]
    assert near_copies_across(labelled) == []


def test_the_search_for_near_copies_finds_what_the_plain_one_finds() -> None:
    left = [text for item in SETS["exam"][:30] for text in texts(item)]
    planted = [text[: len(text) * share // 100] for share, text in zip(range(20, 100, 2), left, strict=False)]
    right = [text for item in SETS["lessons"][:30] for text in texts(item)] + planted
    found = near_copies_across([*(("left", t) for t in left), *(("right", t) for t in right)])
    plainly = [(alike, left[i], right[j]) for i, j, alike in near_copies(left, right)]
    assert 10 <= len(plainly) < len(planted)
    assert sorted(found) == sorted(plainly)


# ------------------------------------------------------------------ without a give-away


def longer_response(items: Sequence[WrittenItem]) -> tuple[int, int]:
    """Return in how many items response a is the longer in characters, and in how many they differ in length."""
    differences = [len(item.response_a) - len(item.response_b) for item in items]
    return sum(d > 0 for d in differences), sum(d != 0 for d in differences)


def test_the_longer_response_says_little_about_the_side() -> None:
    # whoever guesses by length alone gains nothing on crossed items; this keeps the cue itself weak. On answer-length the
    # sides are the lengths
    longer_a, differ = longer_response([item for item in SETS["exam"] if item.concept != "answer-length"])
    assert abs(longer_a / differ - 0.5) < 0.15
