"""People's votes one after another, as they were cast.

Axes: P people, V votes. The votes of one person stand together, in order of time where it is known, else of statements. People
stand in canonical order, that of `votes.canonical`, so that neither file order nor ids can decide anything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from folkmoot.listen.consultation import Consultation
from folkmoot.listen.votes import Floats, Ints, canonical_orders, vote_matrix


@dataclass(frozen=True, slots=True, eq=False)
class Ballots:
    """Votes of some of the participants.

    Attributes:
        participant_P: which participant of the consultation each person is.
        edges: P + 1; the votes of person p are those from edges[p] up to edges[p + 1].
        position_V: which vote of the consultation each vote is.
        time_V: milliseconds; None where the source has no times.
    """

    participant_P: Ints
    edges: Ints
    position_V: Ints
    statement_V: NDArray[np.int32]
    vote_V: NDArray[np.int8]
    time_V: Floats | None

    @property
    def people(self) -> int:
        """P."""
        return len(self.participant_P)

    @property
    def cast(self) -> Ints:
        """How many votes each person cast, P-long."""
        cast_P: Ints = self.edges[1:] - self.edges[:-1]
        return cast_P

    @property
    def owner(self) -> Ints:
        """Whose vote it is, V-long."""
        return np.repeat(np.arange(self.people), self.cast)

    def of(self, person: int) -> slice:
        """Return where the votes of one person stand."""
        return slice(int(self.edges[person]), int(self.edges[person + 1]))

    def sums(self, value_V: NDArray[np.bool_] | Floats) -> Floats:
        """Add up over each person's votes, P-long."""
        sum_P: Floats = np.bincount(self.owner, weights=value_V, minlength=self.people).astype(np.float64)
        return sum_P


def ballots_of(consultation: Consultation, *, at_least: int) -> Ballots:
    """Return the votes of everybody who cast at least so many."""
    cast = np.bincount(consultation.participant_V, minlength=consultation.participants)
    who = np.flatnonzero(cast >= at_least)
    who = who[canonical_orders(vote_matrix(consultation)[who])[0]]
    place = np.full(consultation.participants, -1)
    place[who] = np.arange(len(who))
    place_V = place[consultation.participant_V]
    when_V = consultation.statement_V if consultation.time_V is None else consultation.time_V
    order = np.lexsort((consultation.statement_V, when_V, place_V))
    order = order[place_V[order] >= 0]
    return Ballots(
        participant_P=who,
        edges=np.concatenate([[0], np.cumsum(cast[who])]),
        position_V=order,
        statement_V=consultation.statement_V[order],
        vote_V=consultation.vote_V[order],
        time_V=None if consultation.time_V is None else consultation.time_V[order],
    )


def gaps_ms(ballots: Ballots) -> Floats | None:
    """Return the time since the same person's vote before, V-long; NaN at each person's first; None without times."""
    if ballots.time_V is None:
        return None
    gap_V = np.diff(ballots.time_V, prepend=np.nan)
    gap_V[ballots.edges[:-1]] = np.nan
    return gap_V
