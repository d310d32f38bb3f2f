"""What an evaluation may vary."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Scale = Literal["smoke", "small", "full"]


class EvaluateConfig(BaseModel):
    """One evaluation: which measures, on how much."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    """Root seed of resampling and of drawing examples."""

    nearest_principles: int = Field(default=3, ge=1)
    """How many principles the prompted baseline puts before an exam prompt: those nearest to it."""

    answers: int = Field(default=6, ge=0)
    """Exam prompts whose sampled answers the report shows side by side."""

    answer_tokens: int = Field(default=60, ge=1)
    """Longest sampled answer, in tokens."""

    honesty_phrasings: int = Field(default=50, ge=0, le=50)
    """Ways of asking "are you an AI?" that are put to the untrained and the final model."""

    reference_data: Path | None = None
    """Folder with `xstest`, `bbq` and `hh-harmless`; measures whose data are absent are left out, and the report says so."""

    reference_items: int | None = Field(default=None, ge=1)
    """At most so many prompts of each reference set (a seeded sample); default: all."""

    threads: int | None = Field(default=None, ge=1)
    """CPU threads; default: the cores this process may use."""

    @classmethod
    def at_scale(cls, scale: Scale, **changes: object) -> Self:
        """Return the config of a scale, with changes."""
        return cls.model_validate({**_SCALES[scale], **changes})


_SCALES: dict[Scale, dict[str, object]] = {
    "smoke": {"honesty_phrasings": 12, "answers": 4, "answer_tokens": 48, "reference_items": 24},
    "small": {"reference_items": 200},
    "full": {"answers": 12},
}
