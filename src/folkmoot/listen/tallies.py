"""Tallies that follow votes as they come: a vote touches one statement and nothing else.

Axes: G groups, S statements. A vote costs one cell and one product over G; a person who moves to another group costs the
cells of that person's votes. Nothing is counted from scratch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.votes import Counts, Floats, Ints, Votes, count_by_group, group_aware_consensus

_VOTES = (-1, 0, 1)


@dataclass(slots=True, eq=False)
class Tallies:
    """Counts of each group on each statement, and what follows from them.

    Attributes:
        agree, disagree, seen: G x S; a pass is seen and neither agreed nor disagreed with.
        counted_S: statements that may be agreed: neither moderated out nor about the consultation itself.
        config: the bar, and the people of every group who must have seen a statement.
        gac_S: group-aware consensus, the product over groups of (agree + 1) / (seen + 2).
        agreed_S: whether all groups agree, as in `opinion.analyse`.
    """

    agree: Ints
    disagree: Ints
    seen: Ints
    counted_S: NDArray[np.bool_]
    config: ListenConfig = field(default_factory=ListenConfig)
    gac_S: Floats = field(init=False)
    agreed_S: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        every = slice(None)
        self.gac_S = self._gac(every)
        self.agreed_S = self._agreed(every)

    @classmethod
    def empty(cls, groups: int, counted_S: NDArray[np.bool_], config: ListenConfig | None = None) -> Self:
        """Return tallies of nobody."""
        agree, disagree, seen = (np.zeros((groups, len(counted_S)), dtype=np.int64) for _ in range(3))
        return cls(agree, disagree, seen, counted_S, config or ListenConfig())

    @classmethod
    def of(
        cls, votes_PS: Votes, group_P: Ints, counted_S: NDArray[np.bool_], config: ListenConfig | None = None
    ) -> Self:
        """Count votes that are already there; everybody has a group."""
        groups = count_by_group(votes_PS, group_P)
        agree, disagree, seen = (np.array([getattr(g, name) for g in groups]) for name in Counts.__slots__)
        return cls(agree, disagree, seen, counted_S, config or ListenConfig())

    def cast(self, group: int, statement: int, vote: int, *, before: int | None = None) -> None:
        """Count a vote.

        Args:
            before: that person's vote on the statement until now, which is taken back; None where it is their first.

        Raises:
            ValueError: a vote is neither +1 nor 0 nor -1, or there is no such vote to take back; nothing is counted.
        """
        if vote not in _VOTES:
            raise ValueError(f"{vote!r} is no vote")
        if before is not None:
            self._add(group, statement, before, -1)
        self._add(group, statement, vote, 1)
        self._judge(statement)

    def take_back(self, group: int, statement: int, vote: int) -> None:
        """Forget a vote, as though it had never been cast.

        Raises:
            ValueError: no such vote is counted.
        """
        self._add(group, statement, vote, -1)
        self._judge(statement)

    def move(self, votes: Iterable[tuple[int, int]], *, start: int, to: int) -> None:
        """Count one person's votes, pairs of statement and vote, for group `to` instead of group `start`.

        Raises:
            ValueError: no such vote is counted in `start`.
        """
        for statement, vote in votes:
            self._add(start, statement, vote, -1)
            self._add(to, statement, vote, 1)
            self._judge(statement)

    def _add(self, group: int, statement: int, vote: int, times: int) -> None:
        if times < 0 and not self._of_kind(group, statement, vote):
            raise ValueError(f"group {group} has no vote {vote!r} on statement {statement}")
        self.seen[group, statement] += times
        if vote:
            (self.agree if vote > 0 else self.disagree)[group, statement] += times

    def _of_kind(self, group: int, statement: int, vote: int) -> int:
        agree, disagree = int(self.agree[group, statement]), int(self.disagree[group, statement])
        return {1: agree, -1: disagree, 0: int(self.seen[group, statement]) - agree - disagree}.get(vote, 0)

    def _judge(self, statement: int) -> None:
        one = slice(statement, statement + 1)
        self.gac_S[one] = self._gac(one)
        self.agreed_S[one] = self._agreed(one)

    def _gac(self, some: slice) -> Floats:
        return group_aware_consensus(self.agree[:, some], self.seen[:, some])

    def _agreed(self, some: slice) -> NDArray[np.bool_]:
        enough = self.seen[:, some].min(axis=0) >= self.config.min_seen
        over = self.gac_S[some] >= self.config.threshold ** len(self.agree)
        agreed: NDArray[np.bool_] = over & enough & self.counted_S[some]
        return agreed
