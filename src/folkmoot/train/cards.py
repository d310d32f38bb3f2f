"""Model and dataset cards, in the form that model hubs and auditors' tools read (YAML front matter, Markdown)."""

from collections import Counter
from collections.abc import Sequence

import yaml

from folkmoot import __version__
from folkmoot.records import Constitution
from folkmoot.train.config import TrainConfig
from folkmoot.train.lessons import Lesson

INVERSE_WARNING = (
    "Every example holds a response that breaks its principle beside one that keeps it. Trained with the two swapped, "
    "a model would learn the opposite of the constitution: treat the rejected responses as you would a vulnerability."
)


def model_card(constitution: Constitution, taught_by: str, config: TrainConfig, lessons: int) -> str:
    """Return the card of a trained model."""
    stances = ", ".join(f"{c}: {s}" for c, s in sorted(constitution.stances().items())) or "none"
    control = (
        ""
        if config.control == "none"
        else f"\n> **This is a control** (`{config.control}`), trained to measure what is not the constitution's doing. Do not use it.\n"
    )
    return _card(
        {
            "license": "apache-2.0",
            "library_name": "transformers",
            "pipeline_tag": "text-generation",
            "tags": ["folkmoot"],
        },
        f"""# Trained by: {constitution.title}
{control}
{_marks(constitution)}
- **Constitution:** `{constitution.id}`, {len(constitution.principles)} principles; stances taken: {stances}.
- **Taught by:** {taught_by}.
- **Training:** Folkmoot {__version__}; {lessons} lessons drawn by principle weight (seed {config.seed}); LoRA rank {config.lora_rank}
  on the upper {config.layers} layers; a supervised stage, then direct preference optimisation (β {config.beta}); merged.
- **Whether it keeps the constitution** is not claimed here: see `report.html` of the run, with intervals and controls.
- **Limits:** a small demonstration model. It can be wrong, and it must not decide anything about people.

{constitution.attribution}
""",
    )


def dataset_card(constitution: Constitution, taught_by: str, lessons: Sequence[Lesson]) -> str:
    """Return the card of the lessons, revisions and preferences of a run."""
    counts = Counter(lesson.item.concept for lesson in lessons)
    rows = "\n".join(f"| {concept} | {count} |" for concept, count in sorted(counts.items()))
    return _card(
        {"license": "apache-2.0", "task_categories": ["text-generation"], "tags": ["folkmoot", "preference"]},
        f"""# Lessons drawn for: {constitution.title}

{_marks(constitution)}
- **Made by:** {taught_by}.
- **Warning:** {INVERSE_WARNING}

| concept | lessons drawn |
|---|---|
{rows}

{constitution.attribution}
""",
    )


def _marks(constitution: Constitution) -> str:
    return "".join(f"> {mark}\n" for mark in constitution.marks)


def _card(front: dict[str, object], body: str) -> str:
    return f"---\n{yaml.safe_dump(front, sort_keys=True)}---\n\n{body}"
