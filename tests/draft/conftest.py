"""Statements with tallies as a consultation would have them, and opinions made of them."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from folkmoot.records import Band, Opinion, Statement, StatementOpinion, Tally


@pytest.fixture(scope="session")
def voted() -> Callable[..., StatementOpinion]:
    """A function that makes a statement which the share `share` of every group agrees with."""

    def make(
        id_: str,
        text: str,
        share: float = 0.95,
        *,
        groups: Sequence[int] = (60, 40),
        moderated: int = 1,
        is_meta: bool = False,
        inclusion: float = 1.0,
    ) -> StatementOpinion:
        by_group = tuple(Tally(round(share * size), size - round(share * size)) for size in groups)
        consensus = math.prod((t.agree + 1) / (t.seen + 2) for t in by_group)
        return StatementOpinion(
            statement=Statement(id_, text, moderated, is_meta),
            overall=Tally(sum(t.agree for t in by_group), sum(t.disagree for t in by_group)),
            by_group=by_group,
            group_aware_consensus=consensus,
            interval=(consensus, consensus),
            agreed=consensus >= 0.85 ** len(groups) and moderated != -1 and not is_meta,
            inclusion_probability=inclusion,
            band=Band.AGREED if inclusion >= 0.95 else Band.CONTESTED,
        )

    return make


@pytest.fixture(scope="session")
def opinion_of(voted: Callable[..., StatementOpinion]) -> Callable[..., Opinion]:
    """A function that makes an opinion of statements; a bare text is one that all groups agree with."""

    def make(said: Sequence[str | StatementOpinion], **changes: Any) -> Opinion:
        statements = tuple(
            voted(str(number), one) if isinstance(one, str) else one for number, one in enumerate(said, start=1)
        )
        sizes = tuple(t.seen for t in statements[0].by_group) if statements else (60, 40)
        fields: dict[str, Any] = {
            "consultation": "Harbour town",
            "participants": sum(sizes),
            "participants_in": sum(sizes),
            "votes": sum(s.overall.seen for s in statements),
            "threshold": 0.85 ** len(sizes),
            "group_sizes": sizes,
            "statements": statements,
        }
        return Opinion(**{**fields, **changes})

    return make
