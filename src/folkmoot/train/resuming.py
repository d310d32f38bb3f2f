"""What both training stages tell their trainer, and where a killed one goes on."""

import json
import shutil
from pathlib import Path
from typing import Any

from transformers.trainer_utils import get_last_checkpoint

from folkmoot.train.config import TrainConfig


def trainer_arguments(config: TrainConfig, work: Path, *, rate: float, seed: int) -> dict[str, Any]:
    """Return the trainer arguments that the stages share."""
    return {
        "output_dir": str(work),
        "learning_rate": rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 2 * config.lessons_per_step,
        "activation_checkpointing": False,
        "max_grad_norm": 1.0,
        "weight_decay": 0.0,
        "logging_steps": 10,
        "save_strategy": "steps",
        "save_steps": config.checkpoint_steps,
        "save_total_limit": 1,
        "bf16": False,  # the weights are bfloat16 already and the adapters stay float32; autocast would only cost
        "seed": seed,
        "data_seed": seed,
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
    }


def last_checkpoint(work: Path) -> str | None:
    """Return the newest whole checkpoint in `work`; one that a kill left half-written is removed."""
    while work.is_dir() and (found := get_last_checkpoint(str(work))) is not None:
        if _whole(Path(found)):
            return str(found)
        shutil.rmtree(found)
    return None


def _whole(checkpoint: Path) -> bool:
    # the trainer writes its state last
    try:
        return bool(json.loads((checkpoint / "trainer_state.json").read_bytes()))
    except (OSError, ValueError):
        return False
