"""A consultation played again with another router: who comes when, and how much they vote, stays; what they see does not.

Axes: P participants who are in, S statements that count, G groups.

What is assumed:
- A router chooses only among votes that were really cast, for of others nobody knows the answer. (`simulated_world` has an
  answer to everything, and is marked as simulated.)
- People come one after the other, by their first vote; where the source has no times, in a random order. Each casts a given
  fraction of the votes they really cast, at least one.
- A router knows the votes cast so far in its own replay, and nothing else. Its groups are Polis's k-means on those votes,
  found anew when 20, 40, 80 … people have come; in between a person counts for the group their own votes make likeliest.
- Judged is by groups of all votes, the same for every router: `find_groups` on who is in. Statements that even all votes
  leave with fewer than `min_seen` people of some group are not judged.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from folkmoot.errors import FolkmootError
from folkmoot.listen.components import centred, components, stretched_places
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.factors import fit_factors
from folkmoot.listen.groups import find_groups
from folkmoot.listen.polismath import opinion_groups
from folkmoot.listen.routing import (
    draw,
    extremity,
    inclusion_probability,
    log_likelihood,
    membership,
    next_statement,
    polis_priority,
    worth,
)
from folkmoot.listen.tallies import Tallies
from folkmoot.listen.votes import (
    Counts,
    Floats,
    Ints,
    counted_statements,
    vote_matrix,
    votes_cast,
    where,
)
from folkmoot.seeds import derive

Bools = NDArray[np.bool_]
_FIRST_GROUPS = 20
_SURE = 1e-6
_PEOPLE_KEPT = 0.8


class Router(StrEnum):
    """Who decides what is shown next."""

    RANDOM = "random"
    LEAST_SEEN = "least seen"
    POLIS = "polis"
    OURS = "ours"
    OURS_KNOWING_GROUPS = "ours, groups known"  # of people who came before: what finding groups early costs


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Votes that can be asked for.

    Attributes:
        vote_PS: int8; 0 is a pass, or nothing.
        known_PS: where there is a vote.
        group_P: groups of all votes, by which routers are judged.
        cast_P: how many votes people really cast.
        first_P: when people came; NaN where that is not known.
        simulated: people are simulated.
    """

    vote_PS: NDArray[np.int8]
    known_PS: Bools
    group_P: Ints
    cast_P: Ints
    first_P: Floats
    config: ListenConfig
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one replay leaves.

    Attributes:
        votes: cast.
        judged: statements.
        agreed: of them, by all votes.
        wrong: of them, decided otherwise than by all votes.
        entropy: bits by which inclusion is uncertain, summed over statements.
        log_loss: nats by which the inclusion probabilities miss the answer of all votes, summed over statements.
    """

    votes: int
    judged: int
    agreed: int
    wrong: int
    entropy: float
    log_loss: float


def real_world(consultation: Consultation, config: ListenConfig | None = None) -> World:
    """Return what can be replayed of a consultation: the votes of who is in, on statements that count."""
    config = config or ListenConfig()
    votes_PS, counted_S = vote_matrix(consultation), counted_statements(consultation)
    first_P = np.full(consultation.participants, np.nan)
    if consultation.time_V is not None:
        np.fmin.at(first_P, consultation.participant_V, consultation.time_V)
    is_in = votes_cast(votes_PS) >= min(config.min_votes, len(counted_S))
    votes_PS, first_P = votes_PS[is_in], first_P[is_in]
    group_P = find_groups(votes_PS, counted_S, config).group_P
    known_PS = where(votes_PS).toarray().astype(bool)
    known_PS, vote_PS = known_PS[:, counted_S], votes_PS.toarray().astype(np.int8)[:, counted_S]
    some = known_PS.any(axis=1)
    return World(vote_PS[some], known_PS[some], group_P[some], known_PS[some].sum(axis=1), first_P[some], config)


def simulated_world(real: World, *, seed: int = 0, factors: int = 2) -> World:
    """Return simulated people with an answer to every statement, drawn from latent factors of real ones.

    One simulated person for each real one, who comes when they came and casts as many votes; each answer is drawn: a pass
    as often as people passed on the statement, else agree with the fitted probability. Groups are found on all answers.
    """
    rng = derive(seed, "listen.simulated_world")
    shape = real.vote_PS.shape
    model = fit_factors(_sparse(real.vote_PS, real.known_PS), factors)
    person, statement = (axis.ravel() for axis in np.indices(shape))
    agrees = rng.random(shape) < model.probability(person, statement).reshape(shape)
    seen_S = real.known_PS.sum(axis=0)
    passes_S = ((real.vote_PS == 0) & real.known_PS).sum(axis=0) / np.maximum(seen_S, 1)
    vote_PS = np.where(rng.random(shape) < passes_S, 0, np.where(agrees, 1, -1)).astype(np.int8)
    everything = np.ones(shape, dtype=bool)
    group_P = find_groups(_sparse(vote_PS, everything), np.ones(shape[1], dtype=bool), real.config).group_P
    return World(vote_PS, everything, group_P, real.cast_P, real.first_P, real.config, simulated=True)


def replay(world: World, router: Router, fraction: float, *, seed: int) -> Outcome:
    """Play a world with one router.

    Every seed draws four fifths of the people, the same for every router, and the router's own draws.

    Args:
        fraction: of the votes people really cast.

    Raises:
        FolkmootError: no statement can be judged.
    """
    people = len(world.cast_P)
    rng = derive(seed, "listen.replay")
    kept_P = np.sort(rng.permutation(people)[: max(1, round(_PEOPLE_KEPT * people))])
    arrival = kept_P[np.lexsort((rng.random(len(kept_P)), world.first_P[kept_P]))]
    run = _Run(world, router, derive(seed, "listen.replay", router))
    for number, person in enumerate(arrival):
        if number >= _FIRST_GROUPS and number == run.groups_from:
            run.regroup(arrival[:number])
        run.visit(int(person), int(np.ceil(fraction * world.cast_P[person])))
    return _judge(world, kept_P, run.shown_PS)


class _Run:
    """One replay as it goes: what was shown, and all that the router knows of it."""

    def __init__(self, world: World, router: Router, rng: np.random.Generator) -> None:
        people, statements = world.vote_PS.shape
        self.world, self.router, self.rng = world, router, rng
        self.shown_PS = np.zeros((people, statements), dtype=bool)
        self.every_S = np.ones(statements, dtype=bool)
        self.extremity_S = np.zeros(statements)
        self.tallies = Tallies.empty(1, self.every_S, world.config)
        self.size_G = np.zeros(1, dtype=np.int64)
        self.groups_from = _FIRST_GROUPS
        self.groups = int(world.group_P.max()) + 1

    def regroup(self, came: Ints) -> None:
        """Find groups and extremities anew from what was voted so far."""
        self.groups_from *= 2
        votes_PS = _sparse(self.world.vote_PS[came], self.shown_PS[came])
        group_P = np.zeros(len(came), dtype=np.int64)
        if self.router is Router.POLIS:
            self.extremity_S = extremity(votes_PS, self.every_S)
        elif self.router is Router.OURS_KNOWING_GROUPS and len(np.unique(self.world.group_P[came])) == self.groups:
            group_P = self.world.group_P[came]
        elif self.router is Router.OURS:
            centred_PS = centred(votes_PS, self.every_S)
            group_P = opinion_groups(stretched_places(centred_PS, components(centred_PS, 2)[1], votes_PS))
        self.size_G = np.bincount(group_P)
        self.tallies = Tallies.of(votes_PS, group_P, self.every_S, self.world.config)

    def visit(self, person: int, count: int) -> None:
        """Let somebody come, vote and go; within one visit nobody else's votes change."""
        open_S = np.flatnonzero(self.world.known_PS[person])
        chosen = open_S[self._choose(open_S, self.world.vote_PS[person, open_S], min(count, len(open_S)))]
        votes = self.world.vote_PS[person, chosen]
        group = int(membership(self.tallies, self.size_G, chosen, votes).argmax())
        if self.router is Router.OURS_KNOWING_GROUPS and len(self.size_G) == self.groups:
            group = int(self.world.group_P[person])  # known once they have gone
        self.shown_PS[person, chosen] = True
        self.size_G[group] += 1
        for statement, vote in zip(chosen.tolist(), votes.tolist(), strict=True):
            self.tallies.cast(group, statement, vote)

    def _choose(self, open_S: Ints, vote_S: NDArray[np.int8], count: int) -> Ints:
        seen_S = self.tallies.seen.sum(axis=0)[open_S]
        if self.router is Router.RANDOM:
            return self.rng.permutation(len(open_S))[:count]
        if self.router is Router.LEAST_SEEN:
            return np.lexsort((self.rng.random(len(open_S)), seen_S))[:count]
        if self.router is Router.POLIS:
            counts = Counts(
                self.tallies.agree.sum(axis=0), self.tallies.disagree.sum(axis=0), self.tallies.seen.sum(axis=0)
            )
            priority_S = polis_priority(counts, self.extremity_S, ~self.every_S)
            return draw(priority_S[open_S], count, self.rng)
        return self._choose_by_worth(open_S, vote_S, count)

    def _choose_by_worth(self, open_S: Ints, vote_S: NDArray[np.int8], count: int) -> Ints:
        mixed = self.rng.permutation(len(open_S))  # of statements worth the same, any
        worth_GS = worth(self.tallies)[:, open_S[mixed]]
        answer_GS = log_likelihood(self.tallies, open_S[mixed], vote_S[mixed])
        log_G, still_S = np.log(self.size_G + 1.0), np.ones(len(open_S), dtype=bool)
        chosen = np.empty(count, dtype=np.int64)
        for number in range(count):
            at = next_statement(worth_GS, special.softmax(log_G), still_S)
            chosen[number], still_S[at] = mixed[at], False
            log_G = log_G + answer_GS[:, at]
        return chosen


def _judge(world: World, kept_P: Ints, shown_PS: Bools) -> Outcome:
    votes, group_P, every_S = world.vote_PS[kept_P], world.group_P[kept_P], np.ones(world.vote_PS.shape[1], dtype=bool)
    groups = int(world.group_P.max()) + 1
    full = _by_group(votes, world.known_PS[kept_P], group_P, groups, world.config)
    found = _by_group(votes, shown_PS[kept_P], group_P, groups, world.config)
    judged_S = every_S & (full.seen.min(axis=0) >= world.config.min_seen)
    if not judged_S.any():
        raise FolkmootError(
            f"no statement was seen by {world.config.min_seen} people of every group, so nothing can be judged",
            do="replay a conversation with more votes",
        )
    answer_S, probability_S = (
        full.agreed_S[judged_S],
        np.clip(inclusion_probability(found.agree, found.seen, world.config.threshold)[judged_S], _SURE, 1 - _SURE),
    )
    uncertain_S = special.entr(probability_S) + special.entr(1 - probability_S)
    return Outcome(
        votes=int(shown_PS.sum()),
        judged=int(judged_S.sum()),
        agreed=int(answer_S.sum()),
        wrong=int((found.agreed_S[judged_S] != answer_S).sum()),
        entropy=float(uncertain_S.sum() / np.log(2)),
        log_loss=float(-np.log(np.where(answer_S, probability_S, 1 - probability_S)).sum()),
    )


def _by_group(vote_PS: NDArray[np.int8], known_PS: Bools, group_P: Ints, groups: int, config: ListenConfig) -> Tallies:
    kinds = (known_PS & (vote_PS == 1), known_PS & (vote_PS == -1), known_PS)
    agree, disagree, seen = (np.array([is_so[group_P == g].sum(axis=0) for g in range(groups)]) for is_so in kinds)
    return Tallies(agree, disagree, seen, np.ones(vote_PS.shape[1], dtype=bool), config)


def _sparse(vote_PS: NDArray[np.int8], known_PS: Bools) -> sparse.csr_array:
    rows, columns = np.nonzero(known_PS)
    return sparse.csr_array((vote_PS[rows, columns], (rows, columns)), shape=vote_PS.shape)
