"""Simulated consultations of known camps, as sparse and uneven as real ones.

Axes: P people, S statements, C camps, V votes.

How a world is made:
- Statements. About six in ten divide: on each of them every camp agrees with probability `apart` or 1 − `apart`, by the
  toss of a coin, so that two camps differ on about half of those that divide. On the others all camps agree with the
  same probability, between .1 and .95. A statement is passed on with a probability of its own, .15 on average.
- Votes. How much people vote varies as in real conversations (Beta, first parameter .7: at 40% seen the tenth of people
  who vote least see less than 8%, the tenth who vote most more than 70%), and so does how often a statement is shown
  (Gamma, shape 1.5). Everybody votes at least once.
- Answers are drawn for each person and statement, given the camp: nobody stands between camps. In a world of no camps
  all people have the same probabilities. On a line (`on_a_line`) people stand evenly spread between two camps, and
  nowhere is a gap.

Camps are well separated at `apart` = .9: with a hundred statements of which 40 are seen, a person who votes as much as
the average has voted on about 12 statements that divide two camps, and sides with the own camp on ten or eleven.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from folkmoot.listen.consultation import Consultation
from folkmoot.records import Statement
from folkmoot.seeds import derive

_CHUNK = 8_000_000
_DIVIDING = 0.6
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class World:
    """A simulated consultation and what it was made of.

    Attributes:
        camp_P: camp of each participant.
        agrees_CS: probability that each camp agrees with each statement rather than disagrees.
    """

    consultation: Consultation
    camp_P: NDArray[np.int64]
    agrees_CS: Floats


def camps(
    shares: tuple[float, ...], people: int, statements: int, *, seen: float, apart: float = 0.9, seed: int = 0
) -> World:
    """Simulate camps.

    Args:
        shares: share of people in each camp, adding up to 1.
        seen: share of all statements that people vote on, on average.
        apart: probability of agreeing with what one's camp stands for.
    """
    camp_P = np.repeat(np.arange(len(shares)), np.diff(np.round(people * np.cumsum([0.0, *shares])).astype(int)))
    rng = derive(seed, "worlds")
    camp_P = rng.permutation(camp_P)
    return _voted(np.eye(len(shares))[camp_P], camp_P, _profiles(len(shares), statements, apart, rng), seen, rng)


def on_a_line(people: int, statements: int, *, seen: float, apart: float = 0.9, seed: int = 0) -> World:
    """Simulate people evenly spread between two camps; they are all of one camp."""
    rng = derive(seed, "worlds")
    place_P = rng.random(people)
    leaning_PC = np.stack([place_P, 1 - place_P], axis=1)
    return _voted(leaning_PC, np.zeros(people, dtype=np.int64), _profiles(2, statements, apart, rng), seen, rng)


def _profiles(count: int, statements: int, apart: float, rng: np.random.Generator) -> Floats:
    """Return the probability that each camp agrees, C x S."""
    common_S = rng.uniform(0.1, 0.95, statements)
    if count == 1:
        return common_S[None]
    divides_S = rng.random(statements) < _DIVIDING
    return np.where(divides_S, np.where(rng.random((count, statements)) < 0.5, apart, 1 - apart), common_S)


def _voted(
    leaning_PC: Floats, camp_P: NDArray[np.int64], agrees_CS: Floats, seen: float, rng: np.random.Generator
) -> World:
    people, statements = len(camp_P), agrees_CS.shape[1]
    passes_S = rng.beta(1.5, 8.5, statements)
    active_P, shown_S = rng.beta(0.7, 0.7 * (1 - seen) / seen, people), rng.gamma(1.5, 1 / 1.5, statements)
    active_P *= _scale(active_P[:1000], shown_S, seen)
    parts = []
    size = max(1, _CHUNK // statements)
    for a in range(0, people, size):
        here = slice(a, a + size)
        chance = (active_P[here, None] * shown_S).astype(np.float32)
        seen_PS = rng.random(chance.shape, dtype=np.float32) < chance
        none = np.flatnonzero(~seen_PS.any(axis=1))
        seen_PS[none, rng.choice(statements, len(none), p=shown_S / shown_S.sum())] = True
        p, s = np.nonzero(seen_PS)
        agrees_V = np.einsum("vc,vc->v", leaning_PC[here][p], agrees_CS.T[s])
        vote_V = np.where(rng.random(len(p)) < agrees_V, 1, -1)
        vote_V[rng.random(len(p)) < passes_S[s]] = 0
        parts.append((p.astype(np.int32) + np.int32(a), s.astype(np.int32), vote_V.astype(np.int8)))
    person_V, statement_V, vote_V = (np.concatenate(axis) for axis in zip(*parts, strict=True))
    consultation = Consultation(
        name="simulated",
        statements=tuple(Statement(str(s), f"Statement {s}", 1) for s in range(statements)),
        participant_V=person_V,
        statement_V=statement_V,
        vote_V=vote_V,
        participants=people,
        attribution="Simulated participants.",
        simulated=True,
    )
    return World(consultation, camp_P, agrees_CS)


def _scale(active_P: Floats, shown_S: Floats, seen: float) -> float:
    """Return by what chances are multiplied so that the share seen is as asked, since none can exceed 1."""
    chance = np.outer(active_P, shown_S)
    return float(brentq(lambda factor: np.minimum(factor * chance, 1).mean() - seen, 1e-3, 1e3))
