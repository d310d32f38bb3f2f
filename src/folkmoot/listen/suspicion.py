"""Votes that hardly anybody casts who votes for themselves: how many people, by which test, never who.

Axes: P people who are in, S statements.

Four tests, each with a p-value for each person (their own modules say of what): straight-lining, speed, arrival, copies. Each
marks by Benjamini and Hochberg at 5%. How many honest people each marks is measured by `benchmarks/run_suspicion.py` on people
simulated by `honest`. A mark is a reason to look, not a verdict: a class that opens the link together arrives like a botnet, and
whoever knows nothing of a matter passes on everything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from folkmoot.listen.ballots import Ballots, ballots_of
from folkmoot.listen.bursts import all_at_once, reading_ms, too_fast
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.copies import copying
from folkmoot.listen.groups import find_groups, grouped_votes
from folkmoot.listen.honest import fit_propensities
from folkmoot.listen.straightlining import straight_lining
from folkmoot.listen.votes import Floats
from folkmoot.records import Estimate
from folkmoot.seeds import derive
from folkmoot.statistics import benjamini_hochberg, proportion

FALSE_DISCOVERIES = 0.05
FACTORS = 2
"""Latent factors that tell like-minded people from copies. With none, simulated honest people look like copies of each other; more
than two mark no fewer of them and learn the copied line itself."""
TESTS = ("straight-lining", "speed", "arrival", "copies")
NEEDS_TIMES = ("speed", "arrival")


@dataclass(frozen=True, slots=True)
class Marked:
    """What one test found.

    Attributes:
        test: its name, or "any".
        asked: False where the source has no times and the test needs them.
        people: marked, of who is in.
        share: the same as a share, with its interval.
        votes: share of the votes of who is in that they cast.
    """

    test: str
    asked: bool
    people: int
    share: Estimate
    votes: float


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Who is marked by which test; for use inside listen, never shown.

    Attributes:
        ballots: votes of who was tested.
        p_by_test: test to p-values, P-long.
    """

    ballots: Ballots
    p_by_test: dict[str, Floats]

    def by(self, test: str) -> NDArray[np.bool_]:
        """Return who is marked by one test, or by "any", P-long."""
        if test == "any":
            return np.asarray(np.any([self.by(name) for name in self.p_by_test], axis=0), dtype=bool)
        marked_P: NDArray[np.bool_] = benjamini_hochberg(self.p_by_test[test]) <= FALSE_DISCOVERIES
        return marked_P

    def participants(self, consultation: Consultation) -> NDArray[np.bool_]:
        """Return who of all participants is marked by any test."""
        marked = np.zeros(consultation.participants, dtype=bool)
        marked[self.ballots.participant_P[self.by("any")]] = True
        return marked


def mark(consultation: Consultation, config: ListenConfig, *, seed: int) -> Marks:
    """Test everybody who is in.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    needed = min(config.min_votes, len(consultation.statements))
    in_PS, counted_S = grouped_votes(consultation, config)
    ballots = ballots_of(consultation, at_least=needed)
    group_P = find_groups(in_PS, counted_S, config).group_P  # in_PS and ballots have one order
    statements = len(consultation.statements)
    copied_P, _ = copying(ballots, fit_propensities(in_PS, FACTORS), statements, derive(seed, "listen.copies"))
    return Marks(
        ballots,
        {
            "straight-lining": straight_lining(ballots, group_P, statements),
            "speed": too_fast(ballots, reading_ms(consultation.statements)),
            "arrival": all_at_once(ballots),
            "copies": copied_P,
        },
    )


def summary(marks: Marks) -> tuple[Marked, ...]:
    """Return what may be shown: how many each test marks, and how many any of them does."""
    cast_P, timed = marks.ballots.cast, marks.ballots.time_V is not None
    return tuple(
        Marked(
            test=test,
            asked=timed or test not in NEEDS_TIMES,
            people=int(marked_P.sum()),
            share=proportion(int(marked_P.sum()), len(marked_P)),
            votes=float(cast_P[marked_P].sum() / cast_P.sum()),
        )
        for test in (*TESTS, "any")
        for marked_P in (marks.by(test),)
    )
