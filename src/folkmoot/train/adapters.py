"""Low-rank adapters: where they sit, and how they become part of the model again."""

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from folkmoot.models.local import device
from folkmoot.train.config import TrainConfig

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def lora_config(model: PreTrainedModel, config: TrainConfig) -> LoraConfig:
    """Return adapters on every projection of the upper `config.layers` layers.

    The backward pass ends at the lowest adapter, so fewer layers cost less and learn less (see docs/LOG.md).
    """
    depth: int = model.config.num_hidden_layers
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=config.lora_rank,
        lora_alpha=2 * config.lora_rank,
        lora_dropout=0.0,
        target_modules=PROJECTIONS,
        layers_to_transform=list(range(max(0, depth - config.layers), depth)),
    )


def load_student(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the model to train, in bfloat16 and where it will be trained, and its tokenizer."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, use_safetensors=True)
    return model.to(device()), AutoTokenizer.from_pretrained(folder)


def save_merged(model: PeftModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Merge the adapters into the weights and write a safetensors folder that `transformers` loads."""
    merged = model.merge_and_unload()
    merged.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
