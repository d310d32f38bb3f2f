"""Preference training on packed rows against TRL's own layout: the same pairs, adapters and arguments in the same run.

`ratio` is TRL's seconds / ours; the median of the rounds, with the smallest and the largest. Reference log-probabilities
are part of both.

    python benchmarks/bench_packed.py [--json] [--pairs 48] [--rounds 3]
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from folkmoot.concepts import concepts
from folkmoot.crossed import resolve
from folkmoot.models.library import resolve_model
from folkmoot.models.local import pin_threads
from folkmoot.records import Preference
from folkmoot.train.adapters import load_student, lora_config
from folkmoot.train.config import TrainConfig
from folkmoot.train.lessons import Lesson, written_lessons
from folkmoot.train.preference import train_preference
from folkmoot.train.resuming import trainer_arguments
from folkmoot.train.teacher import written_preferences

CONFIG = TrainConfig()


def pairs(count: int) -> list[Preference]:
    """Return preferences of settled lessons."""
    settled = [resolve(item, None) for item in written_lessons() if not concepts()[item.concept].contested]
    return [p for item in settled for p in written_preferences(Lesson(item, "bench"))][:count]


def packed(preferences: Sequence[Preference], scratch: Path) -> None:
    """Train as Folkmoot does."""
    train_preference(
        resolve_model("smollm2"), preferences, CONFIG, folder=scratch / "model", work=scratch / "work", seed=0
    )


def trl_layout(preferences: Sequence[Preference], scratch: Path) -> None:
    """Train as TRL does by itself."""
    model, tokenizer = load_student(resolve_model("smollm2"))
    rows = [
        {
            "prompt": [{"role": "user", "content": p.prompt}],
            "chosen": [{"role": "assistant", "content": p.chosen}],
            "rejected": [{"role": "assistant", "content": p.rejected}],
        }
        for p in preferences
    ]
    arguments = trainer_arguments(CONFIG, scratch / "work", rate=CONFIG.learning_rate, seed=0)
    trainer = DPOTrainer(
        model=model,
        args=DPOConfig(**arguments, beta=CONFIG.beta, max_length=None, precompute_ref_log_probs=True),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora_config(model, CONFIG),
    )
    trainer.train()
    trainer.model.merge_and_unload().save_pretrained(scratch / "model")


def seconds(train: Callable[[Sequence[Preference], Path], None], preferences: Sequence[Preference]) -> float:
    """Return the wall time of one training run in a folder of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        train(preferences, Path(scratch))
        return time.perf_counter() - started


def main() -> None:
    """Time both layouts in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--pairs", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    pin_threads()
    preferences = pairs(options.pairs)
    timed = [(seconds(trl_layout, preferences), seconds(packed, preferences)) for _ in range(options.rounds)]
    ratios = sorted(peer / ours for peer, ours in timed)
    row = {
        "benchmark": "bench_packed",
        "pairs": len(preferences),
        "rounds": options.rounds,
        "seconds": round(statistics.median(ours for _, ours in timed), 2),
        "peer": "TRL's own layout",
        "peer_seconds": round(statistics.median(peer for peer, _ in timed), 2),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_range": [round(ratios[0], 2), round(ratios[-1], 2)],
    }
    print(json.dumps(row) if options.json else "\n".join(f"{k}: {v}" for k, v in row.items()))


if __name__ == "__main__":
    main()
