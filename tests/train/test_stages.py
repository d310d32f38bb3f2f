"""The two stages on a tiny model: they learn, and a killed one ends in the same weights as one that was not."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from transformers import AutoModelForCausalLM, TrainerCallback

from folkmoot.models.chat import ask
from folkmoot.models.local import LocalModel, pack, response_log_probs
from folkmoot.records import Constitution, Preference, Revision
from folkmoot.train.config import TrainConfig
from folkmoot.train.preference import train_preference
from folkmoot.train.resuming import last_checkpoint
from folkmoot.train.supervised import train_supervised
from folkmoot.train.teacher import written_preferences, written_revisions
from folkmoot.train.training import lessons_for

CONFIG = TrainConfig(
    lessons=6,
    lessons_per_step=1,
    checkpoint_steps=1,
    lora_rank=4,
    learning_rate=1e-2,
    supervised_learning_rate=1e-2,
    threads=1,
)
Name = Literal["supervised", "preference"]
Scores = list[tuple[float, ...]]


@dataclass
class Stage:
    """One of the two stages, its records, and what became of training without interruption."""

    name: Name
    student: Path
    records: Sequence[Revision] | Sequence[Preference]
    engine: LocalModel
    folder: Path
    result: dict[str, float]
    unmerged: Scores

    def train(self, folder: Path, work: Path, *callbacks: TrainerCallback) -> dict[str, float]:
        """Train on the records."""
        train: Callable[..., dict[str, float]] = train_supervised if self.name == "supervised" else train_preference
        return train(self.student, self.records, CONFIG, folder=folder, work=work, seed=7, callbacks=callbacks)

    def responses(self, record: Any) -> list[str]:
        """Return the responses of a record that the stage learns from."""
        return [record.revision] if self.name == "supervised" else [record.chosen, record.rejected]

    @torch.no_grad()
    def scores(self, model: Any) -> Scores:
        """Return the log-probabilities of all responses, one tuple a record."""
        rows = [self.engine.row(ask(r.prompt), self.responses(r)) for r in self.records]
        return [tuple(response_log_probs(model, pack([row], self.engine.end_id)).tolist()) for row in rows]

    def gain(self, scores: Scores) -> float:
        """Return what the stage is to raise: the response's log-probability, or the chosen one's lead."""
        return sum(s[0] if self.name == "supervised" else s[0] - s[1] for s in scores) / len(scores)


class Listen(TrainerCallback):
    """Writes down the steps, and the scores when training ends and nothing is merged yet."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.steps: list[int] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        self.steps.append(state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:  # noqa: ARG002
        self.stage.unmerged = self.stage.scores(model.get_base_model())


class Stop(TrainerCallback):
    """Ends the training as a power cut would, at the end of a step and before its checkpoint."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        if state.global_step == self.step:
            raise InterruptedError


@pytest.fixture(scope="module", params=["supervised", "preference"])
def stage(
    request: pytest.FixtureRequest,
    tiny_model: Path,
    tiny_engine: LocalModel,
    constitution: Constitution,
    tmp_path_factory: pytest.TempPathFactory,
) -> Stage:
    """Either stage, trained once without interruption."""
    lessons = lessons_for(constitution, CONFIG)
    records: Any = [
        record
        for lesson in lessons
        for record in (written_revisions if request.param == "supervised" else written_preferences)(lesson)
    ]
    folder = tmp_path_factory.mktemp(request.param)
    made = Stage(request.param, tiny_model, records, tiny_engine, folder / "merged", {}, [])
    made.result = made.train(made.folder, folder / "work", Listen(made))
    return made


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_stage_sees_every_lesson_once(stage: Stage) -> None:
    assert stage.result["steps"] == CONFIG.lessons / CONFIG.lessons_per_step
    assert stage.result["loss"] > 0


def test_a_stage_learns_what_it_is_taught(stage: Stage) -> None:
    before, after = (LocalModel.load(folder, dtype=torch.float32).model for folder in (stage.student, stage.folder))
    assert stage.gain(stage.scores(after)) > stage.gain(stage.scores(before)) + 0.5


def test_the_merged_model_is_loaded_by_transformers_and_scores_as_the_unmerged_one(stage: Stage) -> None:
    merged = stage.scores(AutoModelForCausalLM.from_pretrained(stage.folder, dtype=torch.bfloat16))
    untrained = stage.scores(AutoModelForCausalLM.from_pretrained(stage.student, dtype=torch.bfloat16))

    def distance(scores: Scores) -> float:
        pairs = zip(scores, stage.unmerged, strict=True)
        return sum(abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True)) / len(scores)

    # in half precision merging rounds; what training changed is far more than that
    assert distance(merged) < 0.1 * distance(untrained)


def test_a_stage_that_was_killed_ends_in_the_same_weights(stage: Stage, tmp_path: Path) -> None:
    work = tmp_path / "work"
    torch.manual_seed(1)  # what was drawn before does not count
    with pytest.raises(InterruptedError):
        stage.train(tmp_path / "merged", work, Stop(4))
    assert not (tmp_path / "merged").exists()
    assert last_checkpoint(work) == str(work / "checkpoint-3")
    # a kill in the midst of the next checkpoint: the weights are cut short and there is no state yet
    shutil.copytree(work / "checkpoint-3", work / "checkpoint-4")
    (work / "checkpoint-4" / "trainer_state.json").unlink()
    adapter = work / "checkpoint-4" / "adapter_model.safetensors"
    adapter.write_bytes(adapter.read_bytes()[:1000])
    torch.manual_seed(2)
    rest = Listen(stage)
    stage.train(tmp_path / "merged", work, rest)
    assert rest.steps == [4, 5, 6]
    assert weights(tmp_path / "merged") == weights(stage.folder)


# ------------------------------------------------------------------ checkpoints


def checkpoint(work: Path, step: int, *, state: str | None = "{}") -> Path:
    folder = work / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_text("weights")
    if state is not None:
        (folder / "trainer_state.json").write_text(state)
    return folder


def test_without_a_checkpoint_a_stage_begins_anew(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path / "nowhere") is None
    (tmp_path / "note.txt").write_text("")
    assert last_checkpoint(tmp_path) is None


def test_the_newest_checkpoint_counts_by_its_number(tmp_path: Path) -> None:
    for step in (100, 25, 9):
        checkpoint(tmp_path, step, state=json.dumps({"global_step": step}))
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-100")


def test_half_written_checkpoints_are_dropped(tmp_path: Path) -> None:
    whole = checkpoint(tmp_path, 25, state=json.dumps({"global_step": 25}))
    torn = [checkpoint(tmp_path, step, state=None) for step in (50, 75)]
    assert last_checkpoint(tmp_path) == str(whole)
    assert not any(folder.exists() for folder in torn)
    (whole / "trainer_state.json").unlink()
    assert last_checkpoint(tmp_path) is None


@pytest.mark.parametrize("state", ["", '{"global_step": 5'])
def test_a_checkpoint_whose_state_was_cut_short_is_dropped(tmp_path: Path, state: str) -> None:
    whole = checkpoint(tmp_path, 25, state=json.dumps({"global_step": 25}))
    checkpoint(tmp_path, 50, state=state)
    assert last_checkpoint(tmp_path) == str(whole)
