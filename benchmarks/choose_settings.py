"""What a training setting is worth, measured without the exam: on dev items and on lessons that were not taught.

Trains by the example's constitution on four fifths of the lessons and examines on the dev items and on the fifth left out.
The first row is the untrained model; `diff` is item score against it, with its interval over items. Minutes a setting.

    python benchmarks/choose_settings.py [--json] [--seeds N] [--lessons 480] [--set layers=18 --set supervised_weight=0.02]
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from folkmoot.constitution import read_constitution
from folkmoot.crossed import resolve_all
from folkmoot.evaluate import effects
from folkmoot.evaluate.exam import sit
from folkmoot.models.library import fetch_model
from folkmoot.models.local import LocalModel, pin_threads
from folkmoot.pipeline import follow, make_request
from folkmoot.records import Constitution, CrossedItem, Scored
from folkmoot.seeds import derive, derive_seed
from folkmoot.train.config import TrainConfig
from folkmoot.train.lessons import Lesson, development_items, draw, written_lessons
from folkmoot.train.preference import train_preference
from folkmoot.train.supervised import train_supervised
from folkmoot.train.teacher import written_preferences, written_revisions
from folkmoot.train.training import supervised_part

ROOT = Path(__file__).resolve().parents[1]
FOLDS = 5


def drafted(work: Path) -> Constitution:
    """Return the constitution of the example consultation."""
    request = make_request(consultation=ROOT / "examples" / "harbour-town", until="draft", out=work)
    return read_constitution(Path(follow(request)["constitution"]))


def train(lessons: tuple[Lesson, ...], student: Path, config: TrainConfig, work: Path) -> Path:
    """Train both stages as the product does and return the final model's folder."""

    def options(stage: str) -> dict[str, Any]:
        seed = derive_seed(config.seed, f"train.{stage}") % 2**32
        return {"folder": work / stage, "work": work / f"{stage}.checkpoints", "seed": seed}

    revisions = [r for lesson in supervised_part(lessons, config) for r in written_revisions(lesson)]
    train_supervised(student, revisions, config, **options("supervised"))
    preferences = [p for lesson in lessons for p in written_preferences(lesson)]
    train_preference(work / "supervised", preferences, config, **options("preference"))
    return work / "preference"


def examine(folder: Path, items: tuple[CrossedItem, ...], label: str) -> Scored:
    """Return the scores of one model."""
    return sit(LocalModel.load(folder, name=label), items, label=label)


def row(scored: Scored, untrained: Scored, **about: object) -> dict[str, object]:
    """Return one line of the table."""
    change = effects.difference([scored], [untrained], derive(0, "settings")).as_effect()
    strict = sum(s.strict_score for s in scored.scores) / len(scored.scores)
    item = sum(s.item_score for s in scored.scores) / len(scored.scores)
    return {"benchmark": "choose_settings", **about, "item_score": item, "strict_score": strict, **change}


def main() -> None:
    """Measure one setting, over folds of lessons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object a line (the only form there is)")
    parser.add_argument(
        "--seeds", type=int, default=1, choices=range(1, FOLDS + 1), help="folds, each with its own seed"
    )
    parser.add_argument("--lessons", type=int, default=480)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a field of TrainConfig")
    options = parser.parse_args()
    changes = {name: json.loads(value) for name, value in (one.split("=", 1) for one in options.set)}
    pin_threads(changes.get("threads"))
    student = fetch_model("smollm2")
    with tempfile.TemporaryDirectory() as scratch:
        constitution = drafted(Path(scratch) / "road")
        stances = constitution.stances()
        for seed in range(options.seeds):
            config = TrainConfig.at_scale("small", seed=seed, lessons=options.lessons, **changes)
            order = derive(seed, "settings.fold").permutation(len(written_lessons()))
            held = {int(i) for i in order[::FOLDS]}
            kept = [x for i, x in enumerate(written_lessons()) if i not in held]
            untaught = [x for i, x in enumerate(written_lessons()) if i in held]
            items = resolve_all([*development_items(), *untaught], stances)
            lessons = draw(constitution, kept, count=config.lessons, rng=derive(seed, "train.lessons"), stances=stances)
            before = examine(student, items, "untrained")
            after = examine(train(lessons, student, config, Path(scratch) / str(seed)), items, "final")
            print(json.dumps(row(before, before, settings="untrained", seed=seed)), flush=True)
            print(
                json.dumps(row(after, before, settings={"lessons": options.lessons, **changes}, seed=seed)), flush=True
            )


if __name__ == "__main__":
    main()
