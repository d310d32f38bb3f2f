"""Adapters: where they sit, and that merging them changes no score."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from folkmoot.models.chat import ask
from folkmoot.models.local import LocalModel, pack, response_log_probs
from folkmoot.train.adapters import PROJECTIONS, load_student, lora_config, save_merged
from folkmoot.train.config import TrainConfig

ASKED = [(ask("What is a fox?"), ["A red animal.", "Nobody knows."]), (ask("Hi"), ["Hello."])]


def adapted(folder: Path, layers: int) -> PeftModel:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    config = TrainConfig(layers=layers, lora_rank=4)
    return get_peft_model(model, lora_config(model, config))


@torch.inference_mode()
def scores(engine: LocalModel, model: torch.nn.Module) -> list[float]:
    rows = [engine.row(conversation, responses) for conversation, responses in ASKED]
    return [float(value) for value in response_log_probs(model, pack(rows, engine.end_id))]  # type: ignore[arg-type]


@pytest.mark.parametrize(("layers", "trained"), [(1, {1}), (2, {0, 1}), (18, {0, 1})])
def test_adapters_sit_on_every_projection_of_the_upper_layers(tiny_model: Path, layers: int, trained: set[int]) -> None:
    names = {name for name, value in adapted(tiny_model, layers).named_parameters() if value.requires_grad}
    assert all("lora_" in name for name in names)
    assert {int(name.split(".layers.")[1].split(".")[0]) for name in names} == trained
    assert {projection for projection in PROJECTIONS if any(projection in name for name in names)} == set(PROJECTIONS)


def test_a_merged_model_scores_as_the_unmerged_one_did(
    tiny_model: Path, tiny_engine: LocalModel, tmp_path: Path
) -> None:
    model = adapted(tiny_model, 2)
    untrained = scores(tiny_engine, tiny_engine.model)
    # adapters begin without effect
    assert scores(tiny_engine, model.get_base_model()) == pytest.approx(untrained, abs=1e-3)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        for name, value in model.named_parameters():
            if "lora_B" in name:
                value.normal_(std=0.05)
    unmerged = scores(tiny_engine, model.get_base_model())
    assert max(abs(a - b) for a, b in zip(unmerged, untrained, strict=True)) > 0.1
    save_merged(model, tiny_engine.tokenizer, tmp_path / "merged")
    merged = LocalModel.load(tmp_path / "merged", dtype=torch.float32)
    assert scores(tiny_engine, merged.model) == pytest.approx(unmerged, abs=1e-3)
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").chat_template == tiny_engine.tokenizer.chat_template


def test_a_student_is_loaded_in_half_precision(tiny_model: Path) -> None:
    model, tokenizer = load_student(tiny_model)
    assert {value.dtype for value in model.parameters()} == {torch.bfloat16}
    assert tokenizer.chat_template
