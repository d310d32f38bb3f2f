"""What drafting may vary."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class DraftConfig(BaseModel):
    """How a constitution is drafted from an opinion and sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    """Title of the constitution; empty: made from the name of the consultation."""

    public_weight: float = Field(default=1.0, gt=0, le=1000)
    """Weight of a principle of the public that everybody agrees on; agreement scales it down."""

    source_weight: float = Field(default=0.5, gt=0, le=1000)
    """Weight of a principle that only a source speaks for."""

    merge_above: float = Field(default=0.8, gt=0, le=1)
    """Cosine similarity from which two statements on the same concepts become one principle."""

    min_inclusion: float = Field(default=0.0, ge=0, le=1)
    """Share of resamples in which an agreed statement must be agreed to become a principle; 0.95 takes none in that is
    contested."""

    quote_from: dict[str, Path] = Field(default_factory=dict)
    """By source, a file with its official text in any language, to quote beside principles instead of our titles."""
