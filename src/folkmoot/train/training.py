"""One training run: lessons by the constitution, a supervised stage, a preference stage, a merged model and its cards."""

import dataclasses
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from transformers import TrainerCallback

from folkmoot.errors import FolkmootError
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
    stage = partial(_stage, run, teacher=teacher, config=config, progress=progress)
    supervised = stage("supervised", student, supervised_part(lessons, config))
    stage("preference", supervised, lessons)
    shutil.rmtree(run.path / "checkpoints", ignore_errors=True)
    _describe(run, constitution, lessons, teacher, config)


def _stage(
    run: Run,
    name: Literal["supervised", "preference"],
    start: Path,
    lessons: Sequence[Lesson],
    *,
    teacher: Teacher,
    config: TrainConfig,
    progress: Progress,
) -> Path:
    """Ask the teacher and train `start` on what it says; return the folder of the merged model, made anew or found."""
    folder = run.artefacts / ("supervised" if name == "supervised" else "final")
    if folder.is_dir():  # moved here only when whole
        return folder
    work = run.path / "checkpoints"
    scratch = _fresh(work / f"{name}.tmp")
    options: dict[str, Any] = {
        "folder": scratch,
        "work": work / name,
        "seed": derive_seed(config.seed, f"train.{name}") % 2**32,
        "callbacks": [Watch(run, name, progress)],
    }
    with run.ledger.timed(f"train.{name}"):
        ask = partial(_ask, run, lessons, teacher, LocalModel.load(start, name="student"))
        if name == "supervised":
            revisions = _shuffled(ask(Revision), config)
            _write_jsonl(run.artefacts / "revisions.jsonl", revisions)
            del ask  # and with it the student's weights, which are loaded again to be trained
            taught = estimated_tokens(text for r in revisions for text in (r.prompt, r.revision))
            result = train_supervised(start, revisions, config, **options)
        else:
            preferences = _shuffled(ask(Preference), config)
            _write_jsonl(run.artefacts / "preferences.jsonl", preferences)
            del ask
            taught = estimated_tokens(text for p in preferences for text in (p.prompt, p.chosen, p.rejected))
            tell = partial(progress, "scoring with the reference model")
            result = train_preference(start, preferences, config, progress=tell, **options)
        run.ledger.spend(f"train.{name}", tokens=taught)
    scratch.replace(folder)
    run.metric(stage=name, **result)
    return folder


def _shuffled(records: tuple[Record, ...], config: TrainConfig) -> tuple[Record, ...]:
    """Put responses behind other prompts if this is the control that does."""
    if config.control != "shuffled":
        return records
    return shuffle_prompts(records, derive(config.seed, "train.shuffle", type(records[0]).__name__))


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
    if not records:
        raise FolkmootError(
            f"the teacher gave not one {kind}, so there is nothing to train on",
            where=teacher.taught_by,
            do="use another teacher; `folkmoot models serve` and `--teacher written` are two that answer",
        )
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
    for (principle, lesson_id), count in sorted(Counter((x.principle_id, x.item.id) for x in lessons).items()):
        run.link(lesson_id, principle, Role.SELECTS, weight=count)
    for lesson_id, count in sorted(Counter(x.item.id for x in lessons).items()):
        run.link(model, lesson_id, Role.TRAINS, weight=count)
    for item in {lesson.item.id: lesson.item for lesson in lessons}.values():
        run.describe(item.id, "lesson", f"{item.concept}: {item.prompt_a}", concept=item.concept, stance=item.stance)


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _write_jsonl(path: Path, records: Iterable[Any]) -> None:
    lines = (json.dumps(dataclasses.asdict(r), ensure_ascii=False, sort_keys=True) for r in records)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
