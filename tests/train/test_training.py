"""One training run in a run directory: its artefacts, its lineage, and that an interruption leaves no trace in them."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from folkmoot.errors import FolkmootError, Incomplete
from folkmoot.lineage import Role, read_lineage
from folkmoot.models.local import LocalModel
from folkmoot.records import Bearing, Constitution, Preference, Principle, Revision
from folkmoot.runs import Run, open_run, verify
from folkmoot.train.cards import INVERSE_WARNING
from folkmoot.train.config import TrainConfig
from folkmoot.train.lessons import Lesson
from folkmoot.train.teacher import Teacher, WrittenLessons
from folkmoot.train.training import lessons_for, train

CONFIG = TrainConfig(
    lessons=6,
    lessons_per_step=1,
    checkpoint_steps=1,
    lora_rank=4,
    learning_rate=1e-2,
    supervised_learning_rate=1e-2,
    supervised_share=0.5,
    threads=1,
)
Progress = Callable[[str, int, int], None]


def quiet(*_: object) -> None:
    """Tell nobody."""


def trained(
    out: Path,
    student: Path,
    constitution: Constitution,
    *,
    config: TrainConfig = CONFIG,
    teacher: Teacher | None = None,
    progress: Progress = quiet,
    tokens: int | None = None,
) -> Run:
    """Train and seal, or leave the run as an interruption leaves it."""
    with open_run(out, "train", config, {"student": student}) as run:
        run.ledger.limit(seconds=None, tokens=tokens)
        train(run, constitution, student, teacher or WrittenLessons(), config, progress=progress)
        run.seal()
    return run


@pytest.fixture(scope="module")
def whole(tiny_model: Path, constitution: Constitution, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nothing interrupted."""
    return trained(tmp_path_factory.mktemp("whole"), tiny_model, constitution)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ------------------------------------------------------------------ what a run holds


def test_a_run_holds_its_artefacts_and_no_checkpoints(whole: Run, constitution: Constitution) -> None:
    assert {path.name for path in whole.artefacts.iterdir()} == {
        "lessons.jsonl",
        "revisions.jsonl",
        "preferences.jsonl",
        "supervised",
        "final",
        "dataset-card.md",
        "index.jsonl",
    }
    assert not (whole.path / "checkpoints").exists()
    assert verify(whole.path) == []
    lessons = rows(whole.artefacts / "lessons.jsonl")
    assert [row["item"]["id"] for row in lessons] == [one.item.id for one in lessons_for(constitution, CONFIG)]
    revisions = [Revision(**row) for row in rows(whole.artefacts / "revisions.jsonl")]
    preferences = [Preference(**row) for row in rows(whole.artefacts / "preferences.jsonl")]
    # the supervised stage sees half of the lessons, the preference stage all, each from both sides
    assert [r.lesson_id for r in revisions[::2]] == [row["item"]["id"] for row in lessons[:3]]
    assert [p.lesson_id for p in preferences[::2]] == [row["item"]["id"] for row in lessons]
    assert {record.taught_by for record in (*revisions, *preferences)} == {"written by hand, not AI feedback"}


def test_both_models_are_loaded_and_differ_from_the_student(whole: Run, tiny_model: Path) -> None:
    folders = (tiny_model, whole.artefacts / "supervised", whole.artefacts / "final")
    first = [AutoModelForCausalLM.from_pretrained(folder).model.layers[1].mlp.up_proj.weight for folder in folders]
    assert not first[0].to(torch.bfloat16).equal(first[1].to(torch.bfloat16))
    assert not first[1].equal(first[2])
    assert LocalModel.load(folders[2]).name == "final"


def test_the_cards_carry_the_warning_and_the_marks(whole: Run, constitution: Constitution) -> None:
    dataset = (whole.artefacts / "dataset-card.md").read_text(encoding="utf-8")
    model = (whole.artefacts / "final" / "README.md").read_text(encoding="utf-8")
    assert INVERSE_WARNING in dataset
    for card in (dataset, model):
        assert "> The participants were simulated.\n" in card
        assert "written by hand, not AI feedback" in card
    assert constitution.id in model


def test_lineage_leads_from_principles_over_lessons_to_the_model(whole: Run, constitution: Constitution) -> None:
    lineage = read_lineage(whole.path)
    links = rows(whole.path / "lineage.jsonl")
    selects = [link for link in links if link["role"] == Role.SELECTS]
    trains = [link for link in links if link["role"] == Role.TRAINS]
    assert len(links) == len(selects) + len(trains)
    drawn = Counter((one.item.id, one.principle_id) for one in lessons_for(constitution, CONFIG))
    assert {(link["child"], link["parent"]): link["weight"] for link in selects} == dict(drawn)
    (model,) = {link["child"] for link in trains}
    assert {link["parent"] for link in trains} == {lesson for lesson, _ in drawn}
    assert lineage.nodes[model].kind == "model"
    for lesson, _ in drawn:
        assert lineage.nodes[lesson].kind == "lesson"
        assert lineage.nodes[lesson].label.startswith(lineage.nodes[lesson].detail["concept"])


def test_a_model_is_tied_to_a_lesson_as_often_as_it_saw_it(tiny_model: Path, tmp_path: Path) -> None:
    # two principles on a concept with few lessons: a lesson is drawn for both
    principles = tuple(
        Principle(text, "c", "r", "q", 1.0, (), (Bearing("expert-deference", "lays-out-debate"),)) for text in "ab"
    )
    config = TrainConfig(lessons=60, threads=1)
    with open_run(tmp_path, "train", config, {"student": tiny_model}) as run:
        for done in ("supervised", "final"):  # as a kill behind both stages leaves it: only describing is left
            shutil.copytree(tiny_model, run.artefacts / done)
        train(run, Constitution("T", principles), tiny_model, WrittenLessons(), config)
        run.seal()
    links = rows(run.path / "lineage.jsonl")
    assert sum(link["weight"] for link in links if link["role"] == Role.SELECTS) == 60
    assert sum(link["weight"] for link in links if link["role"] == Role.TRAINS) == 60


def test_metrics_and_ledger_tell_both_stages(whole: Run) -> None:
    ends = [row for row in rows(whole.path / "metrics.jsonl") if "steps" in row]
    assert [(row["stage"], row["steps"]) for row in ends] == [("supervised", 3.0), ("preference", 6.0)]
    steps = whole.ledger.steps
    for stage in ("train.supervised", "train.preference"):
        assert steps[stage].tokens > 0
        assert steps[stage].seconds > 0


def test_a_shuffled_run_teaches_the_same_responses_behind_other_prompts(
    whole: Run, tiny_model: Path, constitution: Constitution, tmp_path: Path
) -> None:
    shuffled = trained(tmp_path, tiny_model, constitution, config=CONFIG.model_copy(update={"control": "shuffled"}))
    for name in ("revisions.jsonl", "preferences.jsonl"):
        before, after = rows(whole.artefacts / name), rows(shuffled.artefacts / name)
        assert Counter(row["prompt"] for row in before) == Counter(row["prompt"] for row in after)
        for one, other in zip(before, after, strict=True):
            assert one["prompt"] != other["prompt"]
            assert {**one, "prompt": ""} == {**other, "prompt": ""}
    assert "This is a control" in (shuffled.artefacts / "final" / "README.md").read_text(encoding="utf-8")
    assert shuffled.artefact_hash != whole.artefact_hash


# ------------------------------------------------------------------ interruptions


class Counting:
    """Written lessons, and a count of those asked for, which may end in the midst."""

    taught_by = WrittenLessons().taught_by
    tokens = 0

    def __init__(self, *, fails_at: int = 1000) -> None:
        self.asked: list[tuple[str, int]] = []
        self.fails_at = fails_at

    def revisions(self, lessons: Sequence[Lesson], student: Any, **start: int) -> Iterator[tuple[Revision, ...]]:
        """Yield them, counted."""
        return self._counted("revision", WrittenLessons().revisions(lessons, student), **start)

    def preferences(self, lessons: Sequence[Lesson], student: Any, **start: int) -> Iterator[tuple[Preference, ...]]:
        """Yield them, counted."""
        return self._counted("preference", WrittenLessons().preferences(lessons, student), **start)

    def _counted(self, kind: str, taught: Iterator[Any], start: int = 0) -> Iterator[Any]:
        for number, records in enumerate(taught, start):
            if len(self.asked) == self.fails_at:
                raise ConnectionError
            self.asked.append((kind, number))
            yield records


def stop_at(stage: str, step: int) -> Progress:
    """Return a progress function that is interrupted at a step of a stage."""

    def progress(what: str, done: int, _: int) -> None:
        if stage in what and done == step:
            raise KeyboardInterrupt

    return progress


def test_a_run_interrupted_anywhere_ends_as_one_that_was_not(
    whole: Run, tiny_model: Path, constitution: Constitution, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    teachers = [Counting(fails_at=2), Counting(), Counting(fails_at=4), Counting(), Counting()]
    ways: list[Progress] = [quiet, stop_at("supervised", 2), quiet, stop_at("preference", 4), lambda *t: told.append(t)]
    endings = [ConnectionError, KeyboardInterrupt, ConnectionError, KeyboardInterrupt]
    for number, (teacher, way, ending) in enumerate(zip(teachers, ways, endings, strict=False)):
        torch.manual_seed(number)
        with pytest.raises(ending):
            trained(tmp_path, tiny_model, constitution, teacher=teacher, progress=way)
        assert not (tmp_path / "train" / "seal.json").exists()
    run = trained(tmp_path, tiny_model, constitution, teacher=teachers[-1], progress=ways[-1])
    assert run.artefact_hash == whole.artefact_hash
    assert verify(run.path) == []
    # every lesson was asked for once, and training went on behind the last checkpoint
    asked = [one for teacher in teachers for one in teacher.asked]
    assert asked == [*(("revision", i) for i in range(3)), *(("preference", i) for i in range(6))]
    assert [one for one in told if "training" in one[0]] == [("training, preference stage", n, 6) for n in (4, 5, 6)]


def test_a_budget_that_ends_keeps_what_was_paid_for(
    whole: Run, tiny_model: Path, constitution: Constitution, tmp_path: Path
) -> None:
    teachers = [Counting(), Counting(), Counting()]
    # the supervised stage spends more than this, so the first preference ends the budget
    with pytest.raises(Incomplete, match="the budget of 10 tokens is spent") as error:
        trained(tmp_path, tiny_model, constitution, teacher=teachers[0], tokens=10)
    assert "go on from here" in error.value.do

    with open_run(tmp_path, "train", CONFIG, {"student": tiny_model}) as run:
        run.ledger.limit(seconds=None, tokens=10_000)

        def spend(what: str, done: int, _: int) -> None:
            if "training" in what and done == 2:
                run.ledger.spend("test", tokens=20_000)

        with pytest.raises(Incomplete, match="the budget of 10,000 tokens is spent"):
            train(run, constitution, tiny_model, teachers[1], CONFIG, progress=spend)

    told: list[tuple[str, int]] = []
    run = trained(
        tmp_path,
        tiny_model,
        constitution,
        teacher=teachers[2],
        progress=lambda what, done, _: told.append((what, done)),
    )
    # it stopped behind the checkpoint of the step that spent too much
    assert [done for what, done in told if "training" in what] == [3, 4, 5, 6]
    assert [teacher.asked[-1] for teacher in teachers if teacher.asked] == [("preference", 0), ("preference", 5)]
    assert run.artefact_hash == whole.artefact_hash


# ------------------------------------------------------------------ what a user is told


def test_a_constitution_that_nothing_can_be_taught_of_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(FolkmootError, match="no lesson fits this constitution"):
        trained(tmp_path, tiny_model, Constitution("Empty", ()))


def test_a_student_that_is_no_model_is_refused(constitution: Constitution, tmp_path: Path) -> None:
    (tmp_path / "student").mkdir()
    with pytest.raises(FolkmootError, match=r"no config\.json") as error:
        trained(tmp_path, tmp_path / "student", constitution)
    assert str(tmp_path / "student") in error.value.where


class Undecided(Counting):
    """A teacher that never makes up its mind."""

    def __init__(self, *kinds: str) -> None:
        super().__init__()
        self.kinds = kinds

    def _counted(self, kind: str, taught: Iterator[Any], start: int = 0) -> Iterator[Any]:
        for records in super()._counted(kind, taught, start):
            yield () if kind in self.kinds else records


@pytest.mark.parametrize("kind", ["revision", "preference"])
def test_a_teacher_that_decides_nothing_ends_in_an_error_that_says_so(
    tiny_model: Path, constitution: Constitution, tmp_path: Path, kind: str
) -> None:
    with pytest.raises(FolkmootError, match=kind):
        trained(tmp_path, tiny_model, constitution, teacher=Undecided(kind))
