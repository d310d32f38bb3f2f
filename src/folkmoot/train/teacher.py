"""Teachers: who says how a response should have been. Written lessons and models stand behind one interface."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from folkmoot.models.chat import Message
from folkmoot.records import Preference, Revision
from folkmoot.train import lessons
from folkmoot.train.lessons import Lesson


class Student(Protocol):
    """Whatever can answer: the model being trained, as a teacher sees it."""

    def generate(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> list[str]:
        """Return one reply per conversation."""
        ...


class Teacher(Protocol):
    """Turns lessons into what the two stages train on.

    Both methods yield one tuple per lesson, in order, so that a run can record each as it comes and, when it is resumed,
    ask only for the rest: `start` is then the number of the first, so that whatever is drawn by number is drawn as it would
    have been. A tuple may be empty where the teacher could not decide.
    """

    @property
    def taught_by(self) -> str:
        """What to print wherever results of this teacher appear."""
        ...

    @property
    def tokens(self) -> int:
        """Tokens that its feedback has cost so far."""
        ...

    def revisions(
        self, lessons: Sequence[Lesson], student: Student, *, start: int = 0
    ) -> Iterator[tuple[Revision, ...]]:
        """Critique and revise."""
        ...

    def preferences(
        self, lessons: Sequence[Lesson], student: Student, *, start: int = 0
    ) -> Iterator[tuple[Preference, ...]]:
        """Compare."""
        ...


@dataclass(frozen=True, slots=True)
class WrittenLessons:
    """The lessons as they were written by hand; the student's own answers play no part."""

    taught_by: str = lessons.WRITTEN_BY_HAND
    tokens: int = 0

    def revisions(
        self,
        lessons: Sequence[Lesson],
        student: Student,  # noqa: ARG002
        *,
        start: int = 0,  # noqa: ARG002
    ) -> Iterator[tuple[Revision, ...]]:
        """Yield the two revisions of each lesson: under each prompt the wrong response, its critique, the right one."""
        return map(written_revisions, lessons)

    def preferences(
        self,
        lessons: Sequence[Lesson],
        student: Student,  # noqa: ARG002
        *,
        start: int = 0,  # noqa: ARG002
    ) -> Iterator[tuple[Preference, ...]]:
        """Yield the two preferences of each lesson: under each prompt its own response over the other."""
        return map(written_preferences, lessons)


def written_revisions(lesson: Lesson) -> tuple[Revision, Revision]:
    """Return, under each prompt of the lesson, the wrong response, its critique and the right one."""
    item = lesson.item

    def revision(prompt: str, wrong: str, critique: str, right: str) -> Revision:
        return Revision(prompt, wrong, critique, right, lesson.principle_id, lessons.WRITTEN_BY_HAND, item.id)

    return (
        revision(item.prompt_a, item.response_b, item.critique_b, item.response_a),
        revision(item.prompt_b, item.response_a, item.critique_a, item.response_b),
    )


def written_preferences(lesson: Lesson) -> tuple[Preference, Preference]:
    """Return, under each prompt of the lesson, its own response over the other."""
    item = lesson.item

    def preference(prompt: str, chosen: str, rejected: str) -> Preference:
        return Preference(
            prompt, chosen, rejected, lesson.principle_id, item.concept, lessons.WRITTEN_BY_HAND, lesson_id=item.id
        )

    return (
        preference(item.prompt_a, item.response_a, item.response_b),
        preference(item.prompt_b, item.response_b, item.response_a),
    )
