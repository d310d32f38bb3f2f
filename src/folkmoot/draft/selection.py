"""Which statements become principles, and why every other one does not.

A statement passes if it was not moderated out, is not about the consultation itself, speaks of an assistant's conduct
in a covered language, bears on a concept, and is agreed by all groups (`StatementOpinion.agreed`), as surely as asked. Near-duplicates on
the same concepts and stances are one principle. Every statement ends in exactly one place: among the origins of one
principle, or left out for one reason, the first that holds in the order of `Reason`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from folkmoot.draft.mapping import Mapped
from folkmoot.draft.phrasing import principle_text
from folkmoot.records import SMALL_CELL, Bearing, Opinion, StatementOpinion
from folkmoot.similarity import cosine


class Reason(StrEnum):
    """Why a statement is no principle; a closed list, in the order in which the reasons are tried."""

    MODERATED = "moderated-out"
    META = "about-the-consultation"
    EMPTY = "no-words"
    LANGUAGE = "language-not-covered"
    OTHER = "not-conduct-of-an-assistant"
    UNSURE = "mapper-unsure"
    OPPOSES = "against-a-settled-concept"
    MIXED = "both-stances-at-once"
    NO_CONCEPT = "conduct-without-a-concept"
    NOT_AGREED = "not-agreed-by-all-groups"
    UNCERTAIN = "agreed-but-not-surely"


DESCRIBED = {
    Reason.MODERATED: "The moderators of the consultation took it out.",
    Reason.META: "It is about the consultation itself.",
    Reason.EMPTY: "It holds no words.",
    Reason.LANGUAGE: "The mapper covers only English; what it says was not read.",
    Reason.OTHER: "It is not about how an assistant should behave, so no model can be trained by it.",
    Reason.UNSURE: "The mapper's rules do not tell whether it is about an assistant's conduct.",
    Reason.OPPOSES: "It reads as asking for the opposite of a concept that is not contested.",
    Reason.MIXED: "It reads as asking for both stances on a contested concept.",
    Reason.NO_CONCEPT: "It is about conduct, but bears on none of the concepts that can be taught and examined.",
    Reason.NOT_AGREED: "It is about conduct and bears on a concept, but not all opinion groups accept it.",
    Reason.UNCERTAIN: "All opinion groups accept it, but other people of the same public might not have: it is agreed in fewer"
    " resamples than drafting asks for.",
}
"""One sentence for readers on each reason."""

_BY_BASIS = {
    "empty": Reason.EMPTY,
    "language": Reason.LANGUAGE,
    "other": Reason.OTHER,
    "unsure": Reason.UNSURE,
    "opposes": Reason.OPPOSES,
    "mixed": Reason.MIXED,
    "conduct": Reason.NO_CONCEPT,
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A statement that became no principle; `detail` is the mapper's word on it, if any."""

    opinion: StatementOpinion
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Selected:
    """Statements that make one principle, the most agreed first, and what they bear on."""

    statements: tuple[StatementOpinion, ...]
    bearings: tuple[Bearing, ...]


def select(
    opinion: Opinion, mapped: Sequence[Mapped], *, merge_above: float, min_inclusion: float = 0.0
) -> tuple[tuple[Selected, ...], tuple[LeftOut, ...]]:
    """Return what becomes principles, most agreed first, and what is left out, in the order of the opinion.

    `mapped` is aligned with `opinion.statements`; `min_inclusion` is the inclusion probability that a statement must have.
    """
    passed: list[tuple[StatementOpinion, Mapped]] = []
    left_out = []
    for statement, verdict in zip(opinion.statements, mapped, strict=True):
        reason = _reason(statement, verdict, min_inclusion)
        if reason is None:
            passed.append((statement, verdict))
        else:
            detail = "" if reason in {Reason.MODERATED, Reason.META} else verdict.reason
            left_out.append(LeftOut(statement, reason, detail))
    return _merge(passed, merge_above), tuple(left_out)


def _reason(statement: StatementOpinion, verdict: Mapped, min_inclusion: float) -> Reason | None:
    if statement.statement.moderated < 0:
        return Reason.MODERATED
    if statement.statement.is_meta:
        return Reason.META
    if verdict.basis in _BY_BASIS:
        return _BY_BASIS[verdict.basis]
    if not statement.agreed:
        return Reason.NOT_AGREED
    return None if statement.inclusion_probability >= min_inclusion else Reason.UNCERTAIN


def _merge(passed: Sequence[tuple[StatementOpinion, Mapped]], above: float) -> tuple[Selected, ...]:
    """Merge near-duplicates: in order of agreement, each joins the first more agreed one it repeats.

    Only statements with the same bearings merge, so no merging can hide a stance, and a chain of small differences
    cannot join what is far apart, since all are compared with the first.
    """
    ordered = sorted(passed, key=lambda p: (-p[0].group_aware_consensus, p[0].statement.id))
    alike_SS = cosine([principle_text(s.statement.text) for s, _ in ordered]) if ordered else None
    leaders: dict[int, list[StatementOpinion]] = {}
    for i, (statement, verdict) in enumerate(ordered):
        assert alike_SS is not None
        same = (j for j in leaders if ordered[j][1].bearings == verdict.bearings and alike_SS[i, j] >= above)
        leaders.setdefault(next(same, i), []).append(statement)
    return tuple(Selected(tuple(members), ordered[i][1].bearings) for i, members in leaders.items())


def support(opinion: StatementOpinion) -> tuple[float, ...]:
    """Return the share agreeing in each group, to three places; empty where a group's cell is too small to show."""
    if any(t.seen < SMALL_CELL for t in opinion.by_group):
        return ()
    return tuple(round(t.agree / t.seen, 3) for t in opinion.by_group)
