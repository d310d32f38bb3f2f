"""People's votes one after another, as they were cast.

Axes: P people, V votes. The votes of one person stand together, in order of time where it is known, else of statements.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from folkmoot.listen.consultation import Consultation
from folkmoot.listen.votes import Floats, Ints


@dataclass(frozen=True, slots=True)
class Ballots:
    """Votes of some of the participants.

    Attributes:
        participant_P: which participant of the consultation each person is.
        edges: P + 1; the votes of person p are those from edges[p] up to edges[p + 1].
        time_V: milliseconds; None where the source has no times.
    """

    participant_P: Ints
    edges: Ints
    statement_V: NDArray[np.int32]
    vote_V: NDArray[np.int8]
    time_V: Floats | None

    @property
    def people(self) -> int:
        """P."""
        return len(self.participant_P)

    @property
    def cast_P(self) -> Ints:
        """How many votes each person cast."""
        return np.diff(self.edges)

    @property
    def person_V(self) -> Ints:
        """Whose vote it is."""
        return np.repeat(np.arange(self.people), self.cast_P)

    def sums(self, values_V: NDArray[np.generic]) -> Floats:
        """Add up over each person's votes, P-long."""
        summed: Floats = np.bincount(self.person_V, weights=values_V, minlength=self.people)
        return summed


def ballots_of(consultation: Consultation, *, at_least: int) -> Ballots:
    """Return the votes of everybody who cast at least so many."""
    cast = np.bincount(consultation.participant_V, minlength=consultation.participants)
    time_V = consultation.time_V
    when_V = consultation.statement_V if time_V is None else time_V
    order = np.lexsort((consultation.statement_V, when_V, consultation.participant_V))
    order = order[cast[consultation.participant_V[order]] >= at_least]
    who = np.flatnonzero(cast >= at_least)
    return Ballots(
        participant_P=who,
        edges=np.concatenate([[0], np.cumsum(cast[who])]),
        statement_V=consultation.statement_V[order],
        vote_V=consultation.vote_V[order],
        time_V=None if time_V is None else time_V[order],
    )


def gaps_ms(ballots: Ballots) -> Floats | None:
    """Return the time since the same person's vote before, V-long; NaN at each person's first; None without times."""
    if ballots.time_V is None:
        return None
    gap_V = np.diff(ballots.time_V, prepend=np.nan)
    gap_V[ballots.edges[:-1][ballots.cast_P > 0]] = np.nan
    return gap_V
