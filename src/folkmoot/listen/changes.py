"""What becomes of the agreed set when something about the consultation changes.

Axes: P participants who are in, S statements, G groups. Nothing is resampled here: who is in, the groups, and which statements
reach the bar, as in `opinion.analyse`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.groups import find_groups, grouped_votes
from folkmoot.listen.votes import Ints, Votes, count_by_group, group_aware_consensus
from folkmoot.records import SMALL_CELL, Band


@dataclass(frozen=True, slots=True)
class Agreed:
    """The statements that all groups agree on, and the sizes of the groups."""

    ids: frozenset[str]
    group_sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One agreed set beside another.

    Attributes:
        left_out: people whose votes were left out; 0 where it is not people that changed.
        before, after: statements agreed.
        groups: sizes of the groups afterwards.
        leave, come: ids in the order of the statements; None where one to nine people were left out, for then it could be
            figured how those few voted.
        changes: how many leave or come.
        by_band: of those, how many in each band of the usual analysis.
        jaccard: agreed both times, of those agreed either time; None where there are none.
    """

    left_out: int
    before: int
    after: int
    groups: tuple[int, ...]
    leave: tuple[str, ...] | None
    come: tuple[str, ...] | None
    changes: int
    by_band: dict[Band, int]
    jaccard: float | None


def agreed(consultation: Consultation, config: ListenConfig) -> Agreed:
    """Group the participants and say what all groups agree on.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    in_PS, counted_S = grouped_votes(consultation, config)
    group_P = find_groups(in_PS, counted_S, config).group_P
    return agreed_by(consultation, in_PS, counted_S, group_P, config)


def agreed_by(
    consultation: Consultation, in_PS: Votes, counted_S: NDArray[np.bool_], group_P: Ints, config: ListenConfig
) -> Agreed:
    """Say what all of these groups agree on."""
    groups = count_by_group(in_PS, group_P)
    agree_GS, seen_GS = (np.array([getattr(g, name) for g in groups]) for name in ("agree", "seen"))
    agreed_S = (
        (group_aware_consensus(agree_GS, seen_GS) >= config.threshold ** len(groups))
        & (seen_GS.min(axis=0) >= config.min_seen)
        & counted_S
    )
    ids = frozenset(consultation.statements[s].id for s in np.flatnonzero(agreed_S))
    return Agreed(ids, tuple(sorted(np.bincount(group_P).tolist(), reverse=True)))


def without(consultation: Consultation, left_out_P: NDArray[np.bool_]) -> Consultation:
    """Return the consultation without the votes of some participants; the others are numbered anew."""
    kept_V = ~left_out_P[consultation.participant_V]
    number_P = np.cumsum(~left_out_P, dtype=np.int32) - 1
    return replace(
        some_votes(consultation, kept_V),
        participant_V=number_P[consultation.participant_V[kept_V]].astype(np.int32),
        participants=int((~left_out_P).sum()),
    )


def some_votes(consultation: Consultation, kept_V: NDArray[np.bool_]) -> Consultation:
    """Return the consultation with some of its votes."""
    return replace(
        consultation,
        participant_V=consultation.participant_V[kept_V],
        statement_V=consultation.statement_V[kept_V],
        vote_V=consultation.vote_V[kept_V],
        time_V=None if consultation.time_V is None else consultation.time_V[kept_V],
    )


def change(
    consultation: Consultation, before: Agreed, after: Agreed, bands: dict[str, Band], *, left_out: int = 0
) -> Change:
    """Hold two agreed sets against each other; `bands` are those of the usual analysis, by statement id."""
    gone, new = before.ids - after.ids, after.ids - before.ids
    shown = not 0 < left_out < SMALL_CELL
    either = before.ids | after.ids
    changed = [bands[id_] for id_ in gone | new]
    return Change(
        left_out=left_out,
        before=len(before.ids),
        after=len(after.ids),
        groups=after.group_sizes,
        leave=_in_order(consultation, gone) if shown else None,
        come=_in_order(consultation, new) if shown else None,
        changes=len(changed),
        by_band={band: changed.count(band) for band in Band if band in changed},
        jaccard=len(before.ids & after.ids) / len(either) if either else None,
    )


def _in_order(consultation: Consultation, ids: Iterable[str]) -> tuple[str, ...]:
    there = set(ids)
    return tuple(s.id for s in consultation.statements if s.id in there)
