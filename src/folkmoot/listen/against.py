"""Who is against a statement, and how many they are: group by group, with intervals.

Axes: groups in the order of their sizes, as everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from folkmoot.records import SMALL_CELL, Estimate, Tally
from folkmoot.statistics import proportion


@dataclass(frozen=True, slots=True)
class Against:
    """Who disagrees with one statement, of the people in groups who saw it.

    Attributes:
        people: how many disagree.
        share: the same as a share (Jeffreys interval).
        by_group: how many of each group, and their shares.
        most: the group with the largest share; the larger group where two are equal; None where nobody disagrees.
    """

    people: int
    share: Estimate
    by_group: tuple[tuple[int, Estimate], ...]
    most: int | None


def who_is_against(by_group: Sequence[Tally]) -> Against | None:
    """Count who disagrees; None where some group has a small cell, so that none can be figured from the others."""
    if not by_group or any(cell.seen < SMALL_CELL for cell in by_group):
        return None
    shares = tuple((cell.disagree, proportion(cell.disagree, cell.seen)) for cell in by_group)
    people = sum(cell.disagree for cell in by_group)
    most = max(range(len(shares)), key=lambda g: shares[g][1].value)
    return Against(people, proportion(people, sum(cell.seen for cell in by_group)), shares, most if people else None)
