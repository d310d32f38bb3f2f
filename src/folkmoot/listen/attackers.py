"""Simulated attackers, put among simulated honest people, to see what the tests of suspicion find.

Axes: P participants, S statements, V votes. Each attacker sees what some participant saw, in the same order.
"""

from dataclasses import replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from folkmoot.errors import FolkmootError
from folkmoot.listen.ballots import Ballots, ballots_of
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.copies import MISCOPIED
from folkmoot.listen.honest import Propensities
from folkmoot.listen.votes import Floats

FEWEST_VOTES = 20
"""Votes that an attacker casts at least; of fewer little can be told."""
_DAY_MS = 86_400_000.0
_Planted = tuple[NDArray[np.int32], NDArray[np.int8], Floats | None]


class Attack(StrEnum):
    """What an attacker does."""

    STRAIGHT_LINE = "straight-lining"  # agrees with everything, at an honest pace
    COPY = "copies"  # one simulated person's line on whatever each of them sees, one vote in twenty changed
    REPLAY = "replays"  # the same on the statements that one participant saw
    BOT = "bots"  # honest votes, one a second


def plant(
    consultation: Consultation, attack: Attack, count: int, propensities: Propensities, rng: np.random.Generator
) -> Consultation:
    """Return the consultation with so many attackers after its last participant.

    Args:
        consultation: simulated honest people.
        attack: what the attackers do.
        count: how many of them.
        propensities: of the participants, for the line that is copied.
        rng: for whom they follow and what they say.

    Raises:
        FolkmootError: nobody cast twenty votes.
    """
    ballots = ballots_of(consultation, at_least=FEWEST_VOTES)
    if not ballots.people:
        raise FolkmootError(f"nobody cast {FEWEST_VOTES} votes, so no attacker can do as others do")
    copied = ballots.participant_P[rng.integers(ballots.people)]
    statements = len(consultation.statements)
    line_S = propensities.draw(np.full(statements, copied), np.arange(statements), rng)
    planted = []
    seen_by = rng.integers(ballots.people, size=count)
    for followed in (np.repeat(seen_by[:1], count) if attack is Attack.REPLAY else seen_by).tolist():
        saw_V = ballots.statement_V[ballots.of(followed)]
        honest_V = propensities.draw(np.full(len(saw_V), ballots.participant_P[followed]), saw_V, rng)
        planted.append((saw_V, _votes(attack, honest_V, line_S[saw_V], rng), _times(attack, ballots, followed, rng)))
    return _grown(consultation, planted)


def _votes(
    attack: Attack, honest_V: NDArray[np.int8], line_V: NDArray[np.int8], rng: np.random.Generator
) -> NDArray[np.int8]:
    if attack is Attack.STRAIGHT_LINE:
        return np.ones_like(honest_V)
    if attack in {Attack.COPY, Attack.REPLAY}:
        other_V = rng.choice(np.array([-1, 0, 1], dtype=np.int8), len(line_V))
        return np.where(rng.random(len(line_V)) < MISCOPIED, other_V, line_V).astype(np.int8)
    return honest_V


def _times(attack: Attack, ballots: Ballots, followed: int, rng: np.random.Generator) -> Floats | None:
    """Return when the attacker votes, within a day of whom they follow."""
    if ballots.time_V is None:
        return None
    when_V = ballots.time_V[ballots.of(followed)]
    cast_V = when_V[0] + 1000.0 * np.arange(len(when_V)) if attack is Attack.BOT else when_V
    return cast_V + rng.uniform(-_DAY_MS, _DAY_MS)


def _grown(consultation: Consultation, planted: list[_Planted]) -> Consultation:
    statements, votes, times = zip(*planted, strict=True)
    number = consultation.participants + np.arange(len(planted), dtype=np.int32)
    return replace(
        consultation,
        participant_V=np.append(consultation.participant_V, np.repeat(number, [len(v) for v in votes])),
        statement_V=np.concatenate([consultation.statement_V, *statements]),
        vote_V=np.concatenate([consultation.vote_V, *votes]),
        time_V=None if consultation.time_V is None else np.concatenate([consultation.time_V, *times]),
        participants=consultation.participants + len(planted),
        simulated=True,
    )
