"""The supervised stage: learn the revised responses (Bai et al. 2022, arXiv 2212.08073, section 3), on TRL's trainer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from folkmoot.models.chat import ask
from folkmoot.models.local import Row, chat_ids, end_of_turn, pack, response_ids, response_log_probs
from folkmoot.records import Revision
from folkmoot.train.adapters import load_student, lora_config, save_merged
from folkmoot.train.config import TrainConfig
from folkmoot.train.resuming import last_checkpoint, trainer_arguments


class PackedSupervisedTrainer(SFTTrainer):  # type: ignore[misc]  # TRL ships no types
    """TRL's supervised trainer over packed rows, in the order drawn; only response tokens meet the vocabulary."""

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> SequentialSampler:
        return SequentialSampler(train_dataset if train_dataset is not None else self.train_dataset)

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ARG002  # the trainer's signature
    ) -> Any:
        """Return the mean over revisions of the negative log-likelihood per response token."""
        log_probs = response_log_probs(model.get_base_model(), inputs["packed"])
        loss = -(log_probs / inputs["tokens"]).mean()
        return (loss, {}) if return_outputs else loss


class PackRevisions:
    """Collate tokenised revisions into one packed batch."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the batch and the length of each response in tokens."""
        rows = [Row(e["prompt_ids"], [e["labels"]]) for e in examples]
        return {"packed": pack(rows, self.pad), "tokens": torch.tensor([float(len(e["labels"])) for e in examples])}


def train_supervised(
    student: Path,
    revisions: Sequence[Revision],
    config: TrainConfig,
    *,
    folder: Path,
    work: Path,
    seed: int,
    callbacks: Sequence[TrainerCallback] = (),
) -> dict[str, float]:
    """Train `student` on revisions in their order, once, and write the merged model to `folder`.

    The loss is on the revised response alone, its end token included.

    Args:
        work: folder of checkpoints; a run killed half-way resumes from the last and ends in the same weights.

    Returns:
        Training loss and steps.
    """
    model, tokenizer = load_student(student)
    rows = []
    for revision in revisions:
        prompt = chat_ids(tokenizer, ask(revision.prompt))
        response = response_ids(tokenizer, revision.revision)
        rows.append({"input_ids": prompt + response, "prompt_ids": prompt, "labels": response})
    arguments = SFTConfig(
        **trainer_arguments(config, work, rate=config.supervised_learning_rate, seed=seed),
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    trainer = PackedSupervisedTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        data_collator=PackRevisions(end_of_turn(tokenizer)),
        peft_config=lora_config(model, config),
        callbacks=list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)  # it prints on standard output, which belongs to the command's own result
    result = trainer.train(resume_from_checkpoint=last_checkpoint(work))
    save_merged(trainer.model, tokenizer, folder)
    return {"loss": float(result.training_loss), "steps": float(trainer.state.global_step)}
