"""Drawing lessons by a constitution: how many, of what, and on which side."""

import itertools
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.concepts import concepts
from folkmoot.errors import FolkmootError
from folkmoot.records import Bearing, Constitution, Principle
from folkmoot.seeds import derive
from folkmoot.train.config import TrainConfig
from folkmoot.train.lessons import (
    Lesson,
    apportion,
    development_items,
    draw,
    placebo_lessons,
    teachable,
    written_lessons,
)
from folkmoot.train.training import lessons_for

Make = Callable[..., Principle]
WRITTEN = {lesson.id: lesson for lesson in written_lessons()}
CONTESTED = sorted({lesson.concept for lesson in WRITTEN.values() if concepts()[lesson.concept].contested})
SETTLED = sorted({lesson.concept for lesson in WRITTEN.values()} - set(CONTESTED))


def of(*principles: Principle) -> Constitution:
    return Constitution("Test", principles)


def drawn(constitution: Constitution, count: int = 30, seed: int = 0, **options: object) -> tuple[Lesson, ...]:
    return draw(constitution, written_lessons(), count=count, rng=derive(seed, "test"), **options)  # type: ignore[arg-type]


def counts(lessons: tuple[Lesson, ...]) -> Counter[str]:
    return Counter(lesson.item.concept for lesson in lessons)


# ------------------------------------------------------------------ sharing out

weights = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.floats(1e-3, 1e3), min_size=1, max_size=8)


@given(weights, st.integers(0, 2000))
def test_seats_sum_to_their_number_and_each_is_within_one_of_its_share(w: dict[str, float], count: int) -> None:
    seats = apportion(w, count)
    assert set(seats) == set(w)
    assert sum(seats.values()) == count
    for name, weight in w.items():
        assert abs(seats[name] - count * weight / math.fsum(w.values())) < 1 + 1e-6


@given(weights, st.integers(0, 200), st.randoms(use_true_random=False))
def test_the_order_in_which_weights_are_named_does_not_count(w: dict[str, float], count: int, rng: object) -> None:
    # halves and quarters have exact sums, so that only the order differs
    exact = {name: math.ceil(weight) / 4 for name, weight in w.items()}
    names = list(exact)
    rng.shuffle(names)  # type: ignore[attr-defined]
    assert apportion({name: exact[name] for name in names}, count) == apportion(exact, count)


def test_the_largest_remainder_comes_first_and_ties_go_by_name() -> None:
    assert apportion({"b": 1.0, "a": 1.0, "c": 1.0}, 4) == {"b": 1, "a": 2, "c": 1}
    assert apportion({"a": 6.0, "b": 3.0, "c": 1.0}, 5) == {"a": 3, "b": 2, "c": 0}
    assert apportion({"a": 5.0, "b": 3.0, "c": 2.0}, 6) == {"a": 3, "b": 2, "c": 1}


# ------------------------------------------------------------------ drawing


@given(
    st.dictionaries(st.sampled_from(SETTLED), st.floats(0.1, 10), min_size=1, max_size=5),
    st.integers(2, 200),
    st.integers(0, 5),
)
def test_lessons_are_drawn_in_proportion_to_principle_weights(w: dict[str, float], count: int, seed: int) -> None:
    constitution = of(*(about(concept, weight) for concept, weight in w.items()))
    lessons = drawn(constitution, count, seed)
    assert len(lessons) == count
    assert counts(lessons) == +Counter(apportion(constitution.weight_by_concept(), count))


def about(concept: str, weight: float = 1.0, stance: str | None = None) -> Principle:
    return Principle(f"Keep {concept}.", "c", "r", "q", weight, (), (Bearing(concept, stance),))


def test_a_principles_weight_counts_in_full_for_every_concept_it_bears_on(principle: Make) -> None:
    both, one = principle(1.0, truthfulness=None, privacy=None), principle(2.0, dignity=None)
    assert counts(drawn(of(both, one), 40)) == {"truthfulness": 10, "privacy": 10, "dignity": 20}


def test_a_concept_sees_each_of_its_lessons_before_any_again(principle: Make) -> None:
    lessons = drawn(of(principle(truthfulness=None)), 150)
    times = Counter(lesson.item.id for lesson in lessons)
    assert set(times) == {id_ for id_, lesson in WRITTEN.items() if lesson.concept == "truthfulness"}
    assert max(times.values()) - min(times.values()) <= 1


def test_the_same_seed_draws_the_same_lessons_in_the_same_order(constitution: Constitution) -> None:
    assert drawn(constitution, seed=3) == drawn(constitution, seed=3)
    assert drawn(constitution, seed=3) != drawn(constitution, seed=4)


def test_lessons_of_different_concepts_are_mixed(constitution: Constitution) -> None:
    concepts_in_order = [lesson.item.concept for lesson in drawn(constitution, 60)]
    changes = sum(a != b for a, b in itertools.pairwise(concepts_in_order))
    assert changes > 15


@pytest.mark.parametrize("concept", CONTESTED)
@pytest.mark.parametrize("side", [0, 1])
def test_contested_lessons_follow_the_stance(concept: str, side: int) -> None:
    stance = concepts()[concept].stances[side]
    lessons = drawn(of(about(concept, stance=stance)), 5)
    assert lessons
    for lesson in lessons:
        written = WRITTEN[lesson.item.id]
        assert lesson.item.stance == stance
        # the open prompt takes the side of the stance, and an explicit request keeps the other
        prompts = (written.prompt_open, written.prompt_b) if side == 0 else (written.prompt_a, written.prompt_open)
        assert (lesson.item.prompt_a, lesson.item.prompt_b) == prompts
        assert (lesson.item.response_a, lesson.item.response_b) == (written.response_a, written.response_b)


def test_the_stance_with_more_weight_behind_it_is_taught(principle: Make) -> None:
    mixed = of(principle(1.0, answer_length="explains"), principle(2.0, answer_length="brief"))
    assert {lesson.item.stance for lesson in drawn(mixed)} == {"brief"}


def test_stances_given_override_those_of_the_constitution(constitution: Constitution) -> None:
    lessons = drawn(constitution, stances={"answer-length": "explains"})
    assert {lesson.item.stance for lesson in lessons} == {None, "explains"}


@pytest.mark.parametrize("undecided", [True, False])
def test_a_contested_concept_without_a_stance_is_not_taught(principle: Make, undecided: bool) -> None:
    settled = principle(1.0, privacy=None)
    if undecided:
        sides = [principle(1.0, answer_length="explains"), principle(1.0, answer_length="brief")]
    else:
        sides = [principle(1.0, answer_length=None)]
    assert counts(drawn(of(settled, *sides))) == {"privacy": 30}


def test_a_lesson_names_a_principle_that_bears_on_it(principle: Make) -> None:
    heavy, light, other = principle(3.0, privacy=None), principle(1.0, privacy=None), principle(1.0, dignity=None)
    named = Counter(
        lesson.principle_id for lesson in drawn(of(heavy, light, other), 500) if lesson.item.concept == "privacy"
    )
    assert set(named) == {heavy.id, light.id}
    assert 0.65 < named[heavy.id] / named.total() < 0.85


def test_a_lesson_names_no_principle_that_takes_the_other_stance(principle: Make) -> None:
    explains, brief = principle(1.0, answer_length="explains"), principle(1.5, answer_length="brief")
    assert {lesson.principle_id for lesson in drawn(of(explains, brief))} == {brief.id}


@given(st.sets(st.sampled_from(["truthfulness", "privacy", "answer-length"]), max_size=2), st.integers(0, 5))
def test_what_is_left_out_is_withheld_and_the_number_stays(leave_out: set[str], seed: int) -> None:
    constitution = of(about("truthfulness"), about("privacy", 2.0), about("answer-length", stance="brief"))
    lessons = drawn(constitution, 40, seed, leave_out=leave_out)
    assert len(lessons) == 40
    assert set(counts(lessons)) == {"truthfulness", "privacy", "answer-length"} - leave_out


NOTHING = {
    "no principle bears on anything": (of(Principle("Be.", "c", "r", "q", 1.0, (), ())), ()),
    "no principle at all": (of(), ()),
    "only a concept without lessons": (
        of(*(about(c.id) for c in concepts().values() if not c.taught and not c.placebo and not c.contested)),
        (),
    ),
    "a contested concept without stance": (of(about("answer-length")), ()),
    "all weight is zero": (of(about("privacy", 0.0)), ()),
    "all is left out": (of(about("privacy")), ("privacy",)),
}


@pytest.mark.parametrize("what", NOTHING)
def test_where_no_lesson_fits_it_says_what_a_constitution_needs(what: str) -> None:
    constitution, leave_out = NOTHING[what]
    with pytest.raises(FolkmootError, match="no lesson fits this constitution") as error:
        drawn(constitution, leave_out=leave_out)
    assert "concepts.toml" in error.value.do


def test_what_is_teachable_is_what_lessons_are_drawn_of(constitution: Constitution) -> None:
    silent = of(*constitution.principles, about("dignity", 0.5), about("playfulness"), about("nothing-of-the-kind"))
    assert teachable(silent) == {"truthfulness", "privacy", "answer-length", "dignity"}
    assert set(counts(drawn(silent, 50))) == teachable(silent)


def test_lessons_placebos_and_development_items_share_nothing() -> None:
    sets = [{item.id for item in items} for items in (written_lessons(), placebo_lessons(), development_items())]
    assert all(sets)
    assert sum(map(len, sets)) == len(set.union(*sets))


# ------------------------------------------------------------------ controls and the draw


def config(**changes: object) -> TrainConfig:
    return TrainConfig.model_validate({"lessons": 40, **changes})


def test_the_opposite_stances_change_the_sides_and_not_the_lessons(constitution: Constitution) -> None:
    plain, flipped = (lessons_for(constitution, config(control=control)) for control in ("none", "flipped"))
    assert [lesson.item.id for lesson in plain] == [lesson.item.id for lesson in flipped]
    for one, other in zip(plain, flipped, strict=True):
        if one.item.stance is None:
            assert one == other
        else:
            assert (one.item.stance, other.item.stance) == ("brief", "explains")
            assert (one.item.prompt_a, one.item.prompt_b) != (other.item.prompt_a, other.item.prompt_b)


def test_a_shuffled_run_draws_the_same_lessons(constitution: Constitution) -> None:
    assert lessons_for(constitution, config(control="shuffled")) == lessons_for(constitution, config())


def test_a_placebo_run_draws_as_many_lessons_on_something_else(constitution: Constitution) -> None:
    lessons = lessons_for(constitution, config(control="placebo"))
    assert len(lessons) == 40
    assert {lesson.item.id for lesson in lessons} <= {item.id for item in placebo_lessons()}


def test_a_runs_seed_decides_its_lessons(constitution: Constitution) -> None:
    assert lessons_for(constitution, config(seed=1)) == lessons_for(constitution, config(seed=1))
    assert lessons_for(constitution, config(seed=1)) != lessons_for(constitution, config(seed=2))


def test_the_same_lessons_are_drawn_whatever_order_this_process_keeps_sets_in() -> None:
    ask = (
        "from folkmoot.records import Bearing, Constitution, Principle\n"
        "from folkmoot.seeds import derive\n"
        "from folkmoot.train.lessons import draw, written_lessons\n"
        "bearings = tuple(map(Bearing, ('truthfulness', 'privacy', 'dignity', 'crisis-care')))\n"
        "principle = Principle('Be good.', 'c', 'r', 'q', 1.0, (), bearings)\n"
        "constitution = Constitution('Test', (principle,))\n"
        "lessons = draw(constitution, written_lessons(), count=12, rng=derive(0, 'test'))\n"
        "print([lesson.item.id for lesson in lessons])\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", ask],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert len(answers) == 1
