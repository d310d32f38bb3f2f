"""The preference stage: direct preference optimisation with LoRA, on TRL's trainer.

Rafailov et al. 2023 (arXiv 2305.18290), section 4, with a term for the chosen response's likelihood against the
collapse that small models show (Pang et al. 2024, arXiv 2404.19733, section 2). The loss of a preference with
feedback probability q and margin Δ (nats, against the reference) is -q log σ(βΔ) - (1-q) log σ(-βΔ).

The two sides of a written lesson are twins: the same two responses under two prompts, with opposite wishes. They are
judged as one comparison, of the lesson's assignment of responses to prompts against the opposite one, whose margin is the
sum of theirs. Whatever belongs to a response alone cancels in that sum, as it does in the exam's item score, so nothing
can be gained by a liking for a tone. A preference without a twin (a model's feedback) is judged by itself.

Only data layout and loss are ours: both responses lie behind one copy of their prompt (`models.local.pack`), which
computes the prompt once where TRL's own layout computes it twice.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.nn.functional import logsigmoid
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, TrainerCallback
from trl import DPOConfig, DPOTrainer

from folkmoot.models.chat import ask
from folkmoot.models.local import (
    ROW_TOKENS,
    Packed,
    Row,
    batches_by_length,
    chat_ids,
    end_of_turn,
    pack,
    response_ids,
    response_log_probs,
)
from folkmoot.records import Preference
from folkmoot.train.adapters import load_student, lora_config, save_merged
from folkmoot.train.config import TrainConfig
from folkmoot.train.resuming import last_checkpoint, trainer_arguments


class PackedPreferenceTrainer(DPOTrainer):  # type: ignore[misc]  # TRL ships no types
    """TRL's DPO trainer over packed rows: a row is a prompt with its chosen and its rejected response."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        # tokens are made by the same functions that the exam uses, so training and scoring see the same text
        return dataset

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = [
            "prompt_ids", "chosen_ids", "rejected_ids", "probability", "ref_chosen_logps", "ref_rejected_logps",
        ]  # fmt: skip

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> SequentialSampler:
        # the draw is already in random order, and shuffling would part the two sides of a lesson
        return SequentialSampler(train_dataset if train_dataset is not None else self.train_dataset)

    def _compute_loss(self, model: Any, inputs: Mapping[str, Any], return_outputs: bool) -> Any:
        chosen, rejected = _pair_log_probs(model, inputs["packed"])
        by_row = (chosen - inputs["ref_chosen_logps"]) - (rejected - inputs["ref_rejected_logps"])
        margin, q = by_comparison(by_row, inputs["comparison"]), inputs["probability"]
        preference = -(q * logsigmoid(self.beta * margin) + (1 - q) * logsigmoid(-self.beta * margin)).mean()
        likelihood = -(chosen / inputs["chosen_tokens"]).mean()
        loss = preference + self.supervised_weight * likelihood
        for name, value in (("preference_loss", preference), ("chosen_nll", likelihood), ("margin", margin.mean())):
            self._metrics["train"][name].append(value.item())
        self._metrics["train"]["accuracy"].append((margin > 0).float().mean().item())
        return (loss, {}) if return_outputs else loss


def by_comparison(values: torch.Tensor, comparison: torch.Tensor) -> torch.Tensor:
    """Sum the values of the rows that belong to one comparison."""
    return torch.zeros(int(comparison[-1]) + 1, device=values.device).index_add(0, comparison, values)


def comparisons(examples: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the number of each row's comparison: twins, which stand side by side, share theirs."""
    numbers: list[int] = []
    number, unpaired = -1, False
    for i, row in enumerate(examples):
        before = examples[i - 1]
        twin = unpaired and row["chosen_ids"] == before["rejected_ids"] and row["rejected_ids"] == before["chosen_ids"]
        number += not twin
        unpaired = not twin
        numbers.append(number)
    return numbers


def _pair_log_probs(model: Any, packed: Packed) -> tuple[torch.Tensor, torch.Tensor]:
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    chosen, rejected = response_log_probs(base, packed).view(-1, 2).unbind(1)
    return chosen, rejected


class PackPreferences:
    """Collate tokenised preferences into one packed batch."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the batch: by row tokens, lengths and reference log-probabilities, by comparison its probability."""
        rows = [Row(e["prompt_ids"], [e["chosen_ids"], e["rejected_ids"]]) for e in examples]
        comparison = torch.tensor(comparisons(examples))
        probability = torch.tensor([float(e["probability"]) for e in examples])
        batch: dict[str, Any] = {
            "packed": pack(rows, self.pad),
            "chosen_tokens": torch.tensor([float(len(e["chosen_ids"])) for e in examples]),
            "comparison": comparison,
            "probability": by_comparison(probability, comparison) / comparison.bincount(),
        }
        for name in ("ref_chosen_logps", "ref_rejected_logps"):
            batch[name] = torch.tensor([float(e[name]) for e in examples])
        return batch


def reference_log_probs(
    model: Any, rows: Sequence[Row], pad: int, progress: Callable[[int, int], None] = lambda *_: None
) -> list[tuple[float, float]]:
    """Return log π_ref of the chosen and the rejected response of every row (nats, summed), before any adapter is there.

    Rows of like length share a batch, and a run that is resumed computes them again: the same numbers, at a tenth of what
    training costs.
    """
    found: dict[int, tuple[float, float]] = {}
    with torch.inference_mode():
        for batch in batches_by_length([row.length for row in rows], ROW_TOKENS):
            chosen, rejected = _pair_log_probs(model, pack([rows[i] for i in batch], pad))
            found.update(zip(batch, zip(chosen.tolist(), rejected.tolist(), strict=True), strict=True))
            progress(len(found), len(rows))
    return [found[i] for i in range(len(rows))]


def train_preference(
    student: Path,
    preferences: Sequence[Preference],
    config: TrainConfig,
    *,
    folder: Path,
    work: Path,
    seed: int,
    callbacks: Sequence[TrainerCallback] = (),
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, float]:
    """Train `student` on preferences in their order, once, and write the merged model to `folder`.

    Args:
        progress: told how many reference log-probabilities are there, of how many; the steps are told by `callbacks`.
        work: folder of checkpoints; a run killed half-way resumes from the last and ends in the same weights.

    Returns:
        The last logged metrics.
    """
    model, tokenizer = load_student(student)
    rows = [
        Row(chat_ids(tokenizer, ask(p.prompt)), [response_ids(tokenizer, r) for r in (p.chosen, p.rejected)])
        for p in preferences
    ]
    reference = reference_log_probs(model, rows, end_of_turn(tokenizer), progress)
    dataset = Dataset.from_list(
        [
            {
                "prompt_ids": row.prompt,
                "chosen_ids": row.responses[0],
                "rejected_ids": row.responses[1],
                "probability": preference.probability,
                "ref_chosen_logps": chosen,
                "ref_rejected_logps": rejected,
            }
            for row, preference, (chosen, rejected) in zip(rows, preferences, reference, strict=True)
        ]
    )
    arguments = DPOConfig(
        **trainer_arguments(config, work, rate=config.learning_rate, seed=seed),
        beta=config.beta,
        max_length=None,
    )
    trainer = PackedPreferenceTrainer(
        model=model,
        args=arguments,
        train_dataset=dataset,
        processing_class=tokenizer,
        data_collator=PackPreferences(end_of_turn(tokenizer)),
        peft_config=lora_config(model, config),
        callbacks=list(callbacks),
    )
    trainer.supervised_weight = config.supervised_weight
    trainer.remove_callback(PrinterCallback)  # it prints on standard output, which belongs to the command's own result
    result = trainer.train(resume_from_checkpoint=last_checkpoint(work))
    save_merged(trainer.model, tokenizer, folder)
    return {"loss": float(result.training_loss), "steps": float(trainer.state.global_step)}
