"""Written lessons as a teacher: under each prompt its own response, and the other one wrong."""

import pytest

from folkmoot.crossed import resolve
from folkmoot.train.lessons import WRITTEN_BY_HAND, Lesson, written_lessons
from folkmoot.train.teacher import WrittenLessons, written_preferences, written_revisions


class Mute:
    """A student whom nobody may ask."""

    def generate(self, *_: object, **__: object) -> list[str]:
        """Fail."""
        raise AssertionError("written lessons ask no student")


@pytest.fixture
def lessons() -> list[Lesson]:
    """A few lessons, settled and contested."""
    settled = [lesson for lesson in written_lessons() if lesson.prompt_open is None][:2]
    contested = next(lesson for lesson in written_lessons() if lesson.concept == "answer-length")
    return [
        *(Lesson(resolve(lesson, None), "principle:1") for lesson in settled),
        *(Lesson(resolve(contested, stance), "principle:2") for stance in ("explains", "brief")),
    ]


def test_a_revision_corrects_the_response_that_is_wrong_under_its_prompt(lessons: list[Lesson]) -> None:
    for lesson in lessons:
        item = lesson.item
        a, b = written_revisions(lesson)
        assert (a.prompt, a.response, a.critique, a.revision) == (
            item.prompt_a,
            item.response_b,
            item.critique_b,
            item.response_a,
        )
        assert (b.prompt, b.response, b.critique, b.revision) == (
            item.prompt_b,
            item.response_a,
            item.critique_a,
            item.response_b,
        )
        for revision in (a, b):
            assert (revision.principle_id, revision.taught_by, revision.lesson_id) == (
                lesson.principle_id,
                WRITTEN_BY_HAND,
                item.id,
            )


def test_a_preference_is_for_the_response_of_its_prompt(lessons: list[Lesson]) -> None:
    for lesson in lessons:
        item = lesson.item
        a, b = written_preferences(lesson)
        assert (a.prompt, a.chosen, a.rejected) == (item.prompt_a, item.response_a, item.response_b)
        assert (b.prompt, b.chosen, b.rejected) == (item.prompt_b, item.response_b, item.response_a)
        for preference in (a, b):
            assert (preference.probability, preference.concept, preference.lesson_id, preference.principle_id) == (
                1.0,
                item.concept,
                item.id,
                lesson.principle_id,
            )


def test_under_the_open_prompt_the_stance_decides(lessons: list[Lesson]) -> None:
    explains, brief = lessons[-2:]
    open_prompt = explains.item.prompt_a
    assert brief.item.prompt_b == open_prompt
    (first, _), (_, last) = written_preferences(explains), written_preferences(brief)
    assert first.prompt == last.prompt == open_prompt
    assert (first.chosen, first.rejected) == (last.rejected, last.chosen)


def test_the_teacher_yields_one_pair_a_lesson_in_order_and_asks_nobody(lessons: list[Lesson]) -> None:
    teacher = WrittenLessons()
    assert teacher.taught_by == "written by hand, not AI feedback"
    assert list(teacher.revisions(lessons, Mute())) == [written_revisions(lesson) for lesson in lessons]
    assert list(teacher.preferences(lessons, Mute())) == [written_preferences(lesson) for lesson in lessons]


def test_every_written_lesson_says_why_a_response_is_wrong() -> None:
    assert all(lesson.critique_a and lesson.critique_b for lesson in written_lessons())
