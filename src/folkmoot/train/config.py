"""What training may vary."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Control = Literal["none", "shuffled", "placebo", "flipped"]

Scale = Literal["smoke", "small", "full"]


class TrainConfig(BaseModel):
    """One training run: what is taught, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    """Root seed of everything drawn."""

    control: Control = "none"
    """What is broken on purpose, to learn whether the constitution is the cause: nothing; `shuffled` (responses behind
    other lessons' prompts); `placebo` (a constitution about something else); `flipped` (the opposite stance on every
    contested axis)."""

    leave_out: tuple[str, ...] = ()
    """Concepts whose lessons are withheld; others take their place, so the number of lessons stays."""

    lessons: int = Field(default=240, ge=2)
    """Lessons drawn, in proportion to principle weights; a concept with few lessons sees them again."""

    lora_rank: int = Field(default=32, ge=1)
    """Rank of the low-rank update; its scale is twice the rank."""

    layers: int = Field(default=30, ge=1)
    """How many of the upper layers are trained, at most as many as there are; the backward pass stops below them."""

    learning_rate: float = Field(default=5e-4, gt=0)
    """Peak learning rate of the preference stage; linear warm-up over 5% of the steps, then cosine to zero."""

    supervised_learning_rate: float = Field(default=2e-4, gt=0)
    """The same for the supervised stage."""

    supervised_share: float = Field(default=0.2, ge=0, le=1)
    """Share of the drawn lessons that the supervised stage sees."""

    beta: float = Field(default=0.1, gt=0)
    """Strength of the preference loss (β of DPO)."""

    supervised_weight: float = Field(default=0.2, ge=0)
    """Weight of the chosen response's mean negative log-likelihood beside the preference loss, against collapse."""

    lessons_per_step: int = Field(default=1, ge=1)
    """Lessons in one optimiser step; both sides of a lesson always share a step."""

    checkpoint_steps: int = Field(default=60, ge=1)
    """A killed run resumes from the last of these."""

    threads: int | None = Field(default=None, ge=1)
    """CPU threads; default: the cores this process may use."""

    @classmethod
    def at_scale(cls, scale: Scale, **changes: object) -> Self:
        """Return the config of a scale, with changes."""
        return cls.model_validate({**_SCALES[scale], **changes})


_SCALES: dict[Scale, dict[str, object]] = {
    "smoke": {"lessons": 240},
    # what smoke does once, with controls over several seeds
    "small": {"lessons": 240},
    "full": {"lessons": 1600},
}
