"""The concept taxonomy of `concepts.toml`: what principles, lessons and exam items are about."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from folkmoot.errors import FolkmootError


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept.

    Attributes:
        articles: UDHR articles it rests on.
        taught: whether lessons exist; an untaught concept is examined only, to measure transfer.
        contrast: how the two prompts of a crossed item differ.
        stances: (stance kept by response a, stance kept by response b) if contested, else empty.
        placebo: no value is at stake; it serves a control and no principle of a public may bear on it.
    """

    id: str
    description: str
    articles: tuple[int, ...]
    taught: bool
    contrast: str
    stances: tuple[str, ...] = ()
    request_a: str = ""
    request_b: str = ""
    placebo: bool = False

    @property
    def contested(self) -> bool:
        """Whether publics differ on it, so that the constitution's stance decides."""
        return bool(self.stances)

    def opposite(self, stance: str) -> str:
        """Return the other stance.

        Raises:
            FolkmootError: `stance` is not one of this concept's.
        """
        if stance not in self.stances:
            raise FolkmootError(
                f"concept {self.id!r} has no stance {stance!r}", do=f"use one of: {', '.join(self.stances) or 'none'}"
            )
        return self.stances[1 - self.stances.index(stance)]


@cache
def concepts() -> dict[str, Concept]:
    """Return every concept by id, in the order of the file."""
    text = resources.files("folkmoot").joinpath("concepts.toml").read_text(encoding="utf-8")
    return {
        name: Concept(
            id=name,
            description=raw["description"],
            articles=tuple(raw["articles"]),
            taught=raw["taught"],
            contrast=raw["contrast"],
            stances=tuple(raw.get("stances", ())),
            request_a=raw.get("request_a", ""),
            request_b=raw.get("request_b", ""),
            placebo=raw.get("placebo", False),
        )
        for name, raw in tomllib.loads(text)["concept"].items()
    }
