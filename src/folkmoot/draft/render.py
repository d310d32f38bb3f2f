"""constitution.md and left-out.md: what people read. Every text from outside is escaped and can inject no markup."""

import re
from collections.abc import Mapping, Sequence

from folkmoot.concepts import concepts
from folkmoot.draft.drafting import Conflict, Draft, conflicts
from folkmoot.draft.selection import DESCRIBED, LeftOut, Reason
from folkmoot.records import SMALL_CELL, Constitution, Origin, Principle, StatementOpinion, Tally
from folkmoot.similarity import clean

_HTML = {"&": "&amp;", "<": "&lt;"}


def escape(text: str) -> str:
    """Return `text` as one line of Markdown that shows it and nothing else: no emphasis, link, image, HTML or heading."""
    line = "".join(_HTML.get(c, c) for c in clean(text))
    line = re.sub(r"([\\`*_{}\[\]#|~>$^@])", r"\\\1", line)
    line = re.sub(r"^(\s*)([-+=])", r"\1\\\2", line)
    line = re.sub(r"^(\d+)([.)])", r"\1\\\2", line)
    # a bare address would become a link
    return re.sub(r"(?i)(https?|ftp|mailto|www)([:.])", r"\1\\\2", line)


def constitution_markdown(constitution: Constitution, drafted: Draft | None = None) -> str:
    """Return constitution.md: the principles, most agreed first, with where they come from.

    `drafted` is the account of how it was drafted, where it was: then the head says what was listened to.
    """
    public = constitution.from_public
    founded = [p for p in constitution.principles if p not in public]
    head = _head(constitution) if drafted is None else f"{_head(constitution)} {_listened(drafted)}"
    parts = [f"# {escape(constitution.title)}", head]
    parts += [f"> **{escape(mark)}**" for mark in constitution.marks]
    parts.append("## From the public")
    sure = {} if drafted is None else {s.statement.id: s.inclusion_probability for s in drafted.opinion.statements}
    parts.append(_listed(public, 1, sure) or "No principle.")
    if constitution.sources or founded:
        parts.append("## From sources and hands alone" if _by_hand(founded) else "## From the sources alone")
        parts.append(_listed(founded, len(public) + 1, sure) or "No principle that the public has not got already.")
    parts.append("## Stances on contested concepts")
    parts.append(_stances(constitution))
    if disagreeing := conflicts(constitution):
        parts.append("## Conflicts")
        parts.append(_conflicts(disagreeing, constitution))
    if constitution.attribution:
        parts.append(f"## Attribution\n\n{escape(constitution.attribution)}")
    return "\n\n".join(parts) + "\n"


def _head(constitution: Constitution) -> str:
    sources = ", ".join(constitution.sources) or "none"
    return (
        f"`{constitution.id}`: {len(constitution.principles)} principles, {len(constitution.from_public)} of them from the"
        f" public. Sources: {escape(sources)}."
    )


def _listened(drafted: Draft) -> str:
    opinion = drafted.opinion
    return (
        f"{opinion.participants} participants, {opinion.participants_in} of them in {len(opinion.group_sizes)} opinion"
        f" groups, {opinion.votes} votes on {len(opinion.statements)} statements; {len(drafted.left_out)} statements were"
        " left out (left-out.md says why)."
    )


def _by_hand(principles: Sequence[Principle]) -> bool:
    return any(o.kind == "hand" for p in principles for o in p.origins)


def _listed(principles: Sequence[Principle], first: int, sure: Mapping[str, float]) -> str:
    return "\n\n".join(f"### {number}. {_entry(p, sure)}" for number, p in enumerate(principles, start=first))


def _entry(principle: Principle, sure: Mapping[str, float]) -> str:
    bearings = ", ".join(b.concept + (f" ({b.stance})" if b.stance else "") for b in principle.bearings)
    lines = [
        escape(principle.text),
        "",
        f"- id `{principle.id}`, weight {principle.weight:g}",
        f"- bears on {bearings}",
    ]
    lines += [f"- {_origin(o, sure.get(o.ref))}" for o in principle.origins]
    return "\n".join(lines)


def _origin(origin: Origin, inclusion: float | None) -> str:
    quote = f": “{escape(origin.quote)}”" if origin.quote else ""
    if origin.kind == "statement":
        shares = ", ".join(f"{share:.0%}" for share in origin.support)
        sure = "" if inclusion is None else f"; all agree in {int(100 * inclusion)}% of resamples"
        shown = (
            f"agreeing, by group: {shares}{sure}"
            if shares
            else f"groups with fewer than {SMALL_CELL} votes are not shown"
        )
        return f"statement {escape(origin.ref)}{quote} ({shown})"
    return f"{origin.kind} {escape(origin.ref)}{quote}"


def _stances(constitution: Constitution) -> str:
    stances = constitution.stances()
    rows = [f"| {c.id} | {stances.get(c.id, 'silent')} |" for c in concepts().values() if c.contested]
    return "\n".join(["| concept | stance |", "|---|---|", *rows])


def _conflicts(found: Sequence[Conflict], constitution: Constitution) -> str:
    texts = {p.id: p.text for p in constitution.principles}
    blocks = []
    for conflict in found:
        outcome = f"training follows *{conflict.resolved}*" if conflict.resolved else "both weigh the same: no stance"
        lines = [f"**{conflict.concept}**: the public's principles disagree; {outcome}.", ""]
        for stance, ids, weight in zip(conflict.stances, conflict.principle_ids, conflict.weights, strict=True):
            lines.append(f"- {stance} (weight {weight:g}): " + "; ".join(escape(texts[i]) for i in ids))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


# ------------------------------------------------------------------ left-out.md


def left_out_markdown(draft: Draft) -> str:
    """Return left-out.md: every statement that is no principle, by reason, with its tally."""
    total = len(draft.opinion.statements)
    parts = [
        f"# Left out of {escape(draft.constitution.title)}",
        (
            f"{len(draft.left_out)} of {total} statements became no principle. Tallies are agree / disagree / pass; a"
            f" tally of fewer than {SMALL_CELL} people is not shown."
        ),
        *[f"> **{escape(mark)}**" for mark in draft.constitution.marks],
        _counts(draft.left_out),
    ]
    for reason in Reason:
        found = [left for left in draft.left_out if left.reason is reason]
        if found:
            parts += [
                f"## {reason.value} ({len(found)})",
                DESCRIBED[reason],
                "\n".join(_left_out(left) for left in found),
            ]
    if draft.conflicts:
        parts += ["## Conflicts among those taken in", _conflicts(draft.conflicts, draft.constitution)]
    if draft.constitution.attribution:
        parts.append(f"## Attribution\n\n{escape(draft.constitution.attribution)}")
    return "\n\n".join(parts) + "\n"


def _counts(left_out: Sequence[LeftOut]) -> str:
    counts = [(reason, sum(left.reason is reason for left in left_out)) for reason in Reason]
    rows = [f"| {reason.value} | {count} | {DESCRIBED[reason]} |" for reason, count in counts if count]
    return "\n".join(["| reason | statements | what it means |", "|---|---|---|", *rows])


def _left_out(left: LeftOut) -> str:
    statement = left.opinion.statement
    detail = f"; {escape(left.detail)}" if left.detail else ""
    text = escape(statement.text[:1_000]) or "(empty)"
    return f"- statement {escape(statement.id)}: “{text}” ({_tallies(left.opinion)}{detail})"


def _tallies(opinion: StatementOpinion) -> str:
    if opinion.overall.seen < SMALL_CELL:
        return f"fewer than {SMALL_CELL} votes"
    grouped = [sum(counts) for counts in zip(*((t.agree, t.disagree, t.passed) for t in opinion.by_group), strict=True)]
    if any(t.seen < SMALL_CELL for t in opinion.by_group) or not grouped:
        whole = f"all {_tally(opinion.overall)}"
        return f"{whole}; a group has fewer than {SMALL_CELL}, so none is shown"
    # of those in groups alone: everybody minus the groups would show the few who are in none
    whole = f"all {_tally(Tally(*grouped))}"
    return "; ".join([whole, *(f"group {i} {_tally(t)}" for i, t in enumerate(opinion.by_group, start=1))])


def _tally(tally: Tally) -> str:
    return f"{tally.agree}/{tally.disagree}/{tally.passed}"
