"""What listening may vary."""

from pydantic import BaseModel, ConfigDict, Field


class ListenConfig(BaseModel):
    """How votes become opinion groups and agreed statements."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(default=0.85, gt=0, lt=1)
    """Geometric mean over groups of (agree + 1) / (seen + 2) from which a statement is agreed. For two groups that is a
    product of 0.7225, the bar of Collective Constitutional AI; unlike a product it does not fall with each group."""

    min_seen: int = Field(default=10, ge=1)
    """People of every group who must have seen a statement before it can be agreed."""

    min_votes: int = Field(default=7, ge=1)
    """Votes from which a participant is grouped (all statements, where there are fewer of them)."""

    min_group: int = Field(default=10, ge=2)
    """People a group must have; a division with a smaller group is not considered."""

    max_groups: int = Field(default=8, ge=1, le=20)
    """Most groups looked for."""

    min_silhouette: float = Field(default=0.25, ge=-1, le=1)
    """Silhouette up to which a division counts as none (Kaufman and Rousseeuw 1990: no substantial structure)."""

    shuffles: int = Field(default=19, ge=0, le=1_000)
    """Shuffled copies of the votes that components of the real ones must exceed to count; 0: the first two count."""

    masks: int = Field(default=5, ge=0, le=1_000)
    """Draws of a tenth of the votes, held back, which the groups must tell better than no groups; 0: not asked."""

    resamples: int = Field(default=200, ge=20, le=100_000)
    """Bootstrap resamples behind each interval."""

    seed: int = Field(default=0, ge=0)
    """Root seed of the run."""
