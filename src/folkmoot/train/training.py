"""One training run: lessons by the constitution, a supervised stage, a preference stage, a merged model and its cards."""

import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from transformers import TrainerCallback

from folkmoot.ledger import estimated_tokens
from folkmoot.lineage import Role
from folkmoot.models.local import LocalModel, pin_threads
from folkmoot.records import Constitution, Preference, Revision, content_id
from folkmoot.runs import Run
from folkmoot.seeds import derive, derive_seed
from folkmoot.train.cards import dataset_card, model_card
from folkmoot.train.config import TrainConfig
from folkmoot.train.controls import flip, placebo_constitution, shuffle_prompts
from folkmoot.train.lessons import Lesson, draw, placebo_lessons, written_lessons
from folkmoot.train.preference import train_preference
from folkmoot.train.supervised import train_supervised
from folkmoot.train.teacher import Teacher

Record = TypeVar("Record", Revision, Preference)
Progress = Callable[[str, int, int], None]
"""Told what is being done, how many steps are done, and how many there are."""


def train(
    run: Run,
    constitution: Constitution,
    student: Path,
    teacher: Teacher,
    config: TrainConfig,
    *,
    progress: Progress = lambda *_: None,
) -> None:
    """Train `student` by `constitution` into `run`, and leave the run unsealed.

    Artefacts: ``lessons.jsonl``, ``revisions.jsonl``, ``preferences.jsonl``, the model folders ``supervised/`` and
    ``final/`` with their cards, and ``dataset-card.md``. A run killed anywhere goes on from its last checkpoint.

    Raises:
        FolkmootError: no lesson fits the constitution, or the student cannot be loaded.
        Incomplete: a budget ran out; what is done is kept.
    """
    pin_threads(config.threads)
    lessons = lessons_for(constitution, config)
    _write_jsonl(run.artefacts / "lessons.jsonl", lessons)
    supervised, final = run.artefacts / "supervised", run.artefacts / "final"
    work = run.path / "checkpoints"

    if not _whole(supervised):
        with run.ledger.timed("train.supervised"):
            revised = supervised_part(lessons, config)
            learner = LocalModel.load(student, name="student")
            revisions = _ask(run, revised, teacher, learner, Revision)
            del learner
            if config.control == "shuffled":
                revisions = shuffle_prompts(revisions, derive(config.seed, "train.shuffle.revisions"))
            _write_jsonl(run.artefacts / "revisions.jsonl", revisions)
            result = train_supervised(
                student,
                revisions,
                config,
                folder=_fresh(work / "supervised.tmp"),
                work=work / "supervised",
                seed=derive_seed(config.seed, "train.supervised") % 2**32,
                callbacks=[Watch(run, "supervised", progress)],
            )
            taught = estimated_tokens(text for r in revisions for text in (r.prompt, r.revision))
            run.ledger.spend("train.supervised", tokens=taught)
        (work / "supervised.tmp").replace(supervised)
        run.metric(stage="supervised", **result)
    if not _whole(final):
        with run.ledger.timed("train.preference"):
            learner = LocalModel.load(supervised, name="supervised")
            preferences = _ask(run, lessons, teacher, learner, Preference)
            del learner
            if config.control == "shuffled":
                preferences = shuffle_prompts(preferences, derive(config.seed, "train.shuffle.preferences"))
            _write_jsonl(run.artefacts / "preferences.jsonl", preferences)
            result = train_preference(
                supervised,
                preferences,
                config,
                folder=_fresh(work / "final.tmp"),
                work=work / "preference",
                seed=derive_seed(config.seed, "train.preference") % 2**32,
                callbacks=[Watch(run, "preference", progress)],
            )
            taught = estimated_tokens(text for p in preferences for text in (p.prompt, p.chosen, p.rejected))
            run.ledger.spend("train.preference", tokens=taught)
        (work / "final.tmp").replace(final)
        run.metric(stage="preference", **result)
    shutil.rmtree(work, ignore_errors=True)
    _describe(run, constitution, lessons, teacher, config)


def lessons_for(constitution: Constitution, config: TrainConfig) -> tuple[Lesson, ...]:
    """Draw the lessons of a run; a control changes what they teach and never how many they are."""
    rng = derive(config.seed, "train.lessons")
    if config.control == "placebo":
        return draw(placebo_constitution(), placebo_lessons(), count=config.lessons, rng=rng)
    stances = constitution.stances()
    return draw(
        constitution,
        written_lessons(),
        count=config.lessons,
        rng=rng,
        stances=flip(stances) if config.control == "flipped" else stances,
        leave_out=config.leave_out,
    )


def supervised_part(lessons: tuple[Lesson, ...], config: TrainConfig) -> tuple[Lesson, ...]:
    """Return the lessons that the supervised stage sees: the first of those drawn."""
    return lessons[: max(1, round(len(lessons) * config.supervised_share))]


def _ask(
    run: Run, lessons: Sequence[Lesson], teacher: Teacher, learner: LocalModel, record: type[Record]
) -> tuple[Record, ...]:
    """Collect the teacher's records, one event a lesson; lessons already answered in an earlier attempt are not asked."""
    kind = record.__name__.lower()
    done = run.events(kind)
    answered = 0
    while answered < len(lessons) and str(answered) in done:
        answered += 1
    records = [record(**fields) for i in range(answered) for fields in done[str(i)]["records"]]
    teach: Callable[..., Iterator[tuple[Record, ...]]] = (
        teacher.revisions if record is Revision else teacher.preferences  # type: ignore[assignment]  # the record says which
    )
    paid = teacher.tokens
    for number, taught in enumerate(teach(lessons[answered:], learner, start=answered), start=answered):
        if teacher.tokens > paid:
            run.ledger.spend("train.teacher", tokens=teacher.tokens - paid)
            paid = teacher.tokens
        run.record(kind, str(number), records=[dataclasses.asdict(r) for r in taught])
        run.ledger.check()
        records += taught
    return tuple(records)


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers ships no types for it
    """Logs metrics into the run, tells the progress, and stops where the budget ends."""

    def __init__(self, run: Run, stage: str, progress: Progress) -> None:
        self.run = run
        self.stage = stage
        self.progress = progress
        self.started = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:  # noqa: ARG002
        """Write the trainer's numbers into the run."""
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        self.run.metric(stage=self.stage, step=state.global_step, **numbers)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Tell how far the stage is."""
        self.progress(f"training, {self.stage} stage", state.global_step, state.max_steps)
        return control

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Stop where the budget ends: only behind a checkpoint, so that nothing paid for is lost."""
        self.run.ledger.check()
        return control


def _describe(
    run: Run, constitution: Constitution, lessons: Sequence[Lesson], teacher: Teacher, config: TrainConfig
) -> None:
    (run.artefacts / "final" / "README.md").write_text(
        model_card(constitution, teacher.taught_by, config, len(lessons)), encoding="utf-8"
    )
    (run.artefacts / "dataset-card.md").write_text(
        dataset_card(constitution, teacher.taught_by, lessons), encoding="utf-8"
    )
    model = content_id("model", [run.config, constitution.id])
    run.describe(model, "model", f"trained model, control: {config.control}")
    times: dict[tuple[str, str], int] = {}
    for lesson in lessons:
        times[lesson.principle_id, lesson.item.id] = times.get((lesson.principle_id, lesson.item.id), 0) + 1
    for (principle, lesson_id), count in sorted(times.items()):
        run.link(lesson_id, principle, Role.SELECTS, weight=count)
        run.link(model, lesson_id, Role.TRAINS, weight=count)
    for item in {lesson.item.id: lesson.item for lesson in lessons}.values():
        run.describe(item.id, "lesson", f"{item.concept}: {item.prompt_a}", concept=item.concept, stance=item.stance)


def _whole(folder: Path) -> bool:
    # folders are moved here only when complete
    return folder.is_dir()


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _write_jsonl(path: Path, records: Iterable[Any]) -> None:
    lines = (json.dumps(dataclasses.asdict(r), ensure_ascii=False, sort_keys=True) for r in records)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
