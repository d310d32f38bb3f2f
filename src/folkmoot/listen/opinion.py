"""From votes to opinion groups, and to what every group agrees on.

Axes: P participants who are in, S statements, G groups, R resamples. Votes are +1, 0, -1; unseen is not stored.

The method is that of Polis (compdemocracy/polis, math/src/polismath): principal components of the mean-filled votes,
projections stretched for people who saw little, k-means, group-aware consensus. Different on purpose: the result does
not depend on the order of rows or on participant ids, and k-means runs on the people themselves.
"""

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.groups import find_groups, grouped_votes
from folkmoot.listen.votes import (
    Counts,
    Floats,
    Ints,
    Votes,
    count,
    count_by_group,
    group_aware_consensus,
    tally,
    vote_matrix,
    where,
)
from folkmoot.records import Opinion, StatementOpinion
from folkmoot.seeds import derive


def analyse(consultation: Consultation, config: ListenConfig | None = None, *, seed: int = 0) -> Opinion:
    """Return what the public thinks: groups, tallies, group-aware consensus, and the statements all groups agree on.

    In are participants with at least ``min(min_votes, S)`` votes. Overall tallies count everybody; tallies by group only
    who is in. Whether there are groups at all is decided by `find_groups`.

    A statement is agreed where the geometric mean over groups of (agree + 1) / (seen + 2) reaches `config.threshold`,
    every group has at least `config.min_seen` people who saw it, and it is neither moderated out nor about the
    consultation itself. `Opinion.threshold` is ``threshold ** G``: the same bar as a product, comparable with
    `StatementOpinion.group_aware_consensus`.

    The interval is a 95% percentile bootstrap over participants, within groups as they were found: that other people
    would have fallen into other groups is not in it, nor are views that nobody of a group expressed.

    Equal content gives the equal opinion, whatever the order of participants and whatever their ids were.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    config = config or ListenConfig()
    in_PS, counted_S = grouped_votes(consultation, config)
    with threadpool_limits(limits=1):  # sums in another order could move somebody on the border between groups
        group_P = find_groups(in_PS, counted_S, config)
        interval_2S = _interval(in_PS, group_P, config.resamples, derive(seed, "listen.bootstrap"))
    return _opinion(
        consultation,
        config,
        overall=count(vote_matrix(consultation)),
        groups=count_by_group(in_PS, group_P),
        group_P=group_P,
        interval_2S=interval_2S,
    )


def _interval(votes_PS: Votes, group_P: Ints, resamples: int, rng: np.random.Generator) -> Floats:
    """Return the 95% interval of the group-aware consensus of each statement, 2 x S."""
    drawn = []
    for g in range(group_P.max() + 1):
        of_group = votes_PS[group_P == g]
        size = of_group.shape[0]
        weight_PR = rng.multinomial(size, np.full(size, 1 / size), size=resamples).T.astype(np.float64)
        drawn.append([(where(of_group, vote).T @ weight_PR).T for vote in (1, None)])
    agree_RGS, seen_RGS = (np.stack(counts, axis=1) for counts in zip(*drawn, strict=True))
    consensus_RS = group_aware_consensus(agree_RGS, seen_RGS)
    interval: Floats = np.quantile(consensus_RS, (0.025, 0.975), axis=0)
    return interval


def _opinion(
    consultation: Consultation,
    config: ListenConfig,
    *,
    overall: Counts,
    groups: list[Counts],
    group_P: Ints,
    interval_2S: Floats,
) -> Opinion:
    consensus_S = group_aware_consensus(np.array([g.agree for g in groups]), np.array([g.seen for g in groups]))
    seen_by_all_S = np.min([g.seen for g in groups], axis=0) >= config.min_seen
    threshold = config.threshold ** len(groups)
    return Opinion(
        consultation=consultation.name,
        participants=consultation.participants,
        participants_in=len(group_P),
        votes=len(consultation.vote_V),
        threshold=threshold,
        group_sizes=tuple(int(size) for size in np.bincount(group_P)),
        statements=tuple(
            StatementOpinion(
                statement=statement,
                overall=tally(overall, s),
                by_group=tuple(tally(g, s) for g in groups),
                group_aware_consensus=float(consensus_S[s]),
                interval=(float(interval_2S[0, s]), float(interval_2S[1, s])),
                agreed=bool(
                    consensus_S[s] >= threshold
                    and seen_by_all_S[s]
                    and statement.moderated != -1
                    and not statement.is_meta
                ),
            )
            for s, statement in enumerate(consultation.statements)
        ),
        attribution=consultation.attribution,
        simulated=consultation.simulated,
        language=consultation.language,
    )
