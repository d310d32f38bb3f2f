"""Which statement somebody should be shown next: the one whose vote is expected to settle most about what is agreed.

Axes: G groups, S statements, N votes of one person.

What is uncertain of a statement is whether all groups agree: whether the mean over groups of log θ_gs reaches the log of
the bar, θ_gs being the share of group g that agrees. θ_gs has the posterior Beta(agree + 1, seen − agree + 1), whose mean is
the (agree + 1) / (seen + 2) of the bar. The sum of logs is taken for normal; its mean and variance are digammas and
trigammas. The uncertainty is the entropy of the yes or no, in bits, by the approximation of Houlsby et al. 2011 ("Bayesian
active learning for classification and preference learning", section 3.1), and so has a closed form after a vote to come.

One vote settles nothing where the bar asks for ten people of a group and three have voted. So votes that are still missing
are looked ahead to together and share what they bring (Frazier and Powell 2010, "Paradoxes in learning and the marginal
value of information": KG(*)).

Beside it stands the priority by which Polis draws (compdemocracy/polis, math/src/polismath/math/conversation.clj).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, psi

from folkmoot.listen.components import centred, components
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.groups import find_groups, grouped_votes
from folkmoot.listen.tallies import Tallies
from folkmoot.listen.votes import Counts, Floats, Ints, Votes, count, means, vote_matrix
from folkmoot.records import SMALL_CELL, Statement

Whole = Sequence[int] | NDArray[np.integer]

META_PRIORITY = 49.0
"""Polis's priority of a statement about the consultation itself."""
_ENTROPY_WIDTH = np.pi * np.log(2) / 2
"""Houlsby's C²: the entropy of a probit Φ(x) is near exp(−x² / 2C²) bits."""


# ------------------------------------------------------------------ Polis


def extremity(votes_PS: Votes, counted_S: NDArray[np.bool_]) -> Floats:
    """Return how far from the centre somebody stands who agreed with one statement alone, S-long: Polis's E."""
    components_2S = components(centred(votes_PS, counted_S), 2)[1]
    reach_S: Floats = np.sqrt(votes_PS.shape[1]) * np.abs(1 - means(votes_PS)) * np.linalg.norm(components_2S, axis=0)
    return reach_S


def polis_priority(overall: Counts, extremity_S: Floats, is_meta_S: NDArray[np.bool_]) -> Floats:
    """Return Polis's priority of each statement, S-long: much agreed, seldom passed, extreme, and above all seldom seen."""
    passed = overall.seen - overall.agree - overall.disagree
    willing = (1 - (passed + 1) / (overall.seen + 2)) * (overall.agree + 1) / (overall.seen + 2)
    new = 1 + 8 * 2.0 ** (-overall.seen / 5)
    priority: Floats = np.where(is_meta_S, META_PRIORITY, (willing * (extremity_S + 1) * new) ** 2)
    return priority


def draw(priority_S: Floats, count: int, rng: np.random.Generator) -> Ints:
    """Draw `count` different statements one after the other, each at random in proportion to its priority.

    As a race of exponential clocks, which is the same (Efraimidis and Spirakis 2006).
    """
    drawn: Ints = np.argsort(rng.exponential(size=len(priority_S)) / priority_S, kind="stable")[:count]
    return drawn


# ------------------------------------------------------------------ ours


def inclusion_probability(agree: Ints, seen: Ints, threshold: float) -> Floats:
    """Return the probability that the geometric mean over groups of the shares that agree reaches `threshold`.

    Counts are G x S, the result S. Whether enough people have seen a statement is not in it.
    """
    excess_S, variance_GS = _excess(agree, seen, threshold)
    probability_S: Floats = ndtr(excess_S / np.sqrt(variance_GS.sum(axis=0)))
    return probability_S


def expected_reduction(agree: Ints, seen: Ints, threshold: float, min_seen: int) -> Floats:
    """Return what a vote is worth, in bits, if somebody of a group casts it: G x S.

    The entropy of inclusion that it is expected to take away. And where fewer than `min_seen` people of some group have
    seen the statement, so that it is not agreed whatever they said: the probability that it would be, shared among the
    votes that are missing, for each group in which they are.
    """
    excess_S, variance_GS = _excess(agree, seen, threshold)
    variance_S = variance_GS.sum(axis=0)
    learned_GS = variance_GS / (seen + 3)
    now_S, then_GS = _entropy(excess_S, variance_S, 0.0), _entropy(excess_S, variance_S - learned_GS, learned_GS)
    missing_GS = np.maximum(min_seen - seen, 0)
    share_S = ndtr(excess_S / np.sqrt(variance_S)) / np.maximum(missing_GS.sum(axis=0), 1)
    worth_GS: Floats = np.maximum(now_S - then_GS, 0) + share_S * (missing_GS > 0)
    return worth_GS


def membership(tallies: Tallies, size_G: Ints, statements: Whole, votes: Whole) -> Floats:
    """Return the probability of each group, G-long, of somebody who cast these votes.

    Naive Bayes: before any vote, the groups' shares of people (plus one each).

    Args:
        size_G: people in each group.
        statements, votes: N-long.
    """
    log_G = np.log(size_G + 1.0) + log_likelihood(tallies, statements, votes).sum(axis=1)
    weight_G = np.exp(log_G - log_G.max())
    probability_G: Floats = weight_G / weight_G.sum()
    return probability_G


def log_likelihood(tallies: Tallies, statements: Whole, votes: Whole) -> Floats:
    """Return the log probability of each vote in each group, G x N: (such votes + 1) / (seen + 3)."""
    at, vote_N = np.asarray(statements, dtype=np.int64), np.asarray(votes)
    agree, disagree, seen = tallies.agree[:, at], tallies.disagree[:, at], tallies.seen[:, at]
    such = np.where(vote_N == 1, agree, np.where(vote_N == -1, disagree, seen - agree - disagree))
    log: Floats = np.log((such + 1) / (seen + 3))
    return log


def worth(tallies: Tallies) -> Floats:
    """Return `expected_reduction` of the tallies, G x S; a statement that cannot be agreed is worth nothing."""
    config = tallies.config
    found_GS = expected_reduction(tallies.agree, tallies.seen, config.threshold, config.min_seen)
    return found_GS * tallies.counted_S


def next_statement(worth_GS: Floats, member_G: Floats, open_S: NDArray[np.bool_]) -> int:
    """Return the open statement that is worth most to be voted on by somebody of these groups; of equals the first."""
    return int(np.where(open_S, member_G @ worth_GS, -np.inf).argmax())


# ------------------------------------------------------------------ for a whole consultation


@dataclass(frozen=True, slots=True)
class Suggested:
    """A statement to be shown.

    Attributes:
        seen: votes on it of people in groups; None below `SMALL_CELL`.
        inclusion_probability: that all groups agree; None where some group's votes are fewer than `SMALL_CELL`, or where
            the statement cannot be agreed.
    """

    statement: Statement
    seen: int | None
    inclusion_probability: float | None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What should be shown next, best first.

    Attributes:
        newcomer: to somebody of whom nothing is known.
        by_group: to somebody of each group.
        polis: the statements that Polis would draw most often, whoever comes.
    """

    group_sizes: tuple[int, ...]
    newcomer: tuple[Suggested, ...]
    by_group: tuple[tuple[Suggested, ...], ...]
    polis: tuple[Suggested, ...]
    simulated: bool = False
    attribution: str = ""


def suggest(consultation: Consultation, config: ListenConfig | None = None, *, top: int = 10) -> Suggestions:
    """Say which statements should be shown next, to a newcomer and to each group, by ours and by Polis's priority.

    Who is in and the groups are those of `opinion.analyse`. Polis's counts and components are of everybody, as there.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    config = config or ListenConfig()
    in_PS, counted_S = grouped_votes(consultation, config)
    group_P = find_groups(in_PS, counted_S, config).group_P
    tallies, size_G = Tallies.of(in_PS, group_P, counted_S, config), np.bincount(group_P)
    worth_GS, pool = worth(tallies), np.flatnonzero(counted_S)

    def show(order: Iterable[int]) -> tuple[Suggested, ...]:
        return tuple(_suggested(consultation.statements[s], tallies, int(s)) for s in order)

    def best(worth_S: Floats) -> Ints:
        return pool[np.argsort(-worth_S[pool], kind="stable")][:top]

    return Suggestions(
        tuple(int(size) for size in size_G),
        show(best(membership(tallies, size_G, [], []) @ worth_GS)),
        tuple(show(best(worth_S)) for worth_S in worth_GS),
        show(_polis_order(consultation, counted_S)[:top]),
        consultation.simulated,
        consultation.attribution,
    )


def _polis_order(consultation: Consultation, counted_S: NDArray[np.bool_]) -> Ints:
    votes_PS = vote_matrix(consultation)
    is_meta_S = np.array([s.is_meta for s in consultation.statements], dtype=bool)
    priority_S = polis_priority(count(votes_PS), extremity(votes_PS, counted_S), is_meta_S)
    shown = np.flatnonzero([s.moderated != -1 for s in consultation.statements])
    order: Ints = shown[np.argsort(-priority_S[shown], kind="stable")]
    return order


def _suggested(statement: Statement, tallies: Tallies, s: int) -> Suggested:
    agree, seen, config = tallies.agree[:, [s]], tallies.seen[:, [s]], tallies.config
    total = int(seen.sum())
    is_told = tallies.counted_S[s] and seen.min() >= SMALL_CELL
    probability = float(inclusion_probability(agree, seen, config.threshold)[0]) if is_told else None
    return Suggested(statement, total if total >= SMALL_CELL else None, probability)


# ------------------------------------------------------------------ the posterior


def _excess(agree: Ints, seen: Ints, threshold: float) -> tuple[Floats, Floats]:
    """Return by how much the mean of logs is expected to exceed the bar, S, and each group's part in its variance, G x S."""
    yes, all_ = np.add(agree, 1, dtype=np.float64), np.add(seen, 2, dtype=np.float64)
    excess_S = (psi(yes) - psi(all_)).mean(axis=0) - np.log(threshold)
    return excess_S, (_trigamma(yes) - _trigamma(all_)) / len(agree) ** 2


def _entropy(excess: Floats, variance: Floats, spread: Floats | float) -> Floats:
    """Return the entropy in bits of whether a normal variable is above 0, expected over where its mean will lie.

    Args:
        excess: its mean, which will move by a normal step of variance `spread`.
        variance: what it will then have.
    """
    width = _ENTROPY_WIDTH * variance
    entropy: Floats = np.sqrt(width / (width + spread)) * np.exp(-(excess**2) / (2 * (width + spread)))
    return entropy


def _trigamma(x: Floats) -> Floats:
    """Return the trigamma of x ≥ 1 to 1e-6, ten times faster than scipy's: recurrence, then the asymptotic series."""
    y = x + 3
    inverse, square = 1 / y, 1 / y**2
    tail = inverse + square / 2 + inverse * square * (1 / 6 - square * (1 / 30 - square / 42))
    trigamma: Floats = tail + 1 / x**2 + 1 / (x + 1) ** 2 + 1 / (x + 2) ** 2
    return trigamma
