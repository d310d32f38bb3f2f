"""Draft a constitution from an opinion and sources."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from folkmoot.concepts import concepts
from folkmoot.draft.config import DraftConfig
from folkmoot.draft.mapping import Mapped, map_statements
from folkmoot.draft.phrasing import phrase, principle_text, source_text
from folkmoot.draft.selection import LeftOut, Reason, Selected, select, support
from folkmoot.draft.sources import Article, Source, load_source, read_official_text
from folkmoot.errors import FolkmootError
from folkmoot.records import Bearing, Constitution, Opinion, Origin, Principle, Statement
from folkmoot.similarity import clean

SIMULATED = "Simulated participants: the votes behind this constitution were generated, nobody cast them."
NOT_COVERED = "Statements in a language that the mapper does not cover were not read; see left-out.md."
NO_PRINCIPLES = "0 principles from this public; only the sources speak."
NOTHING_SPEAKS = "0 principles from this public, and no source was given."
FROM_A_FILE = (
    "Taken from a file, not drafted here: what it says of its origins (statements, support, quotes, weights) was not"
    " checked against a consultation."
)

_LONGEST_QUOTE = 1_000
_LONGEST_TITLE = 300


@dataclass(frozen=True, slots=True)
class Conflict:
    """Principles of the public that take both stances on a contested concept.

    Attributes:
        principle_ids: by stance, in the order of the concept's stances.
        weights: the summed weights, aligned.
        resolved: the stance that training follows (the heavier), None when they weigh the same.
    """

    concept: str
    stances: tuple[str, ...]
    principle_ids: tuple[tuple[str, ...], ...]
    weights: tuple[float, ...]
    resolved: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A constitution, and the account of how every statement was read.

    Attributes:
        mapped: one verdict per statement, in the order of the opinion.
        left_out: every statement that is no origin of a principle, with one reason.
        conflicts: contested concepts on which the public's principles disagree.
        opinion: what was listened to, for rendering.
    """

    constitution: Constitution
    mapped: tuple[Mapped, ...]
    left_out: tuple[LeftOut, ...]
    conflicts: tuple[Conflict, ...]
    opinion: Opinion


def draft(opinion: Opinion, sources: Sequence[str], config: DraftConfig | None = None) -> Draft:
    """Draft a constitution.

    The public's principles come first, most agreed first, then those that only sources speak for, in the order of
    concepts.toml. A public's principle weighs ``public_weight`` x consensus^(1/groups), the geometric mean of the groups'
    acceptance, so that agreement among many groups counts as much as among few.

    Raises:
        FolkmootError: an unknown source, or an official text that cannot be read.
    """
    config = config or DraftConfig()
    loaded = [load_source(name) for name in dict.fromkeys(sources)]
    quotes = _quotes(loaded, config)
    mapped = map_statements([s.statement for s in opinion.statements], opinion.language)
    selected, left_out = select(opinion, mapped, merge_above=config.merge_above, min_inclusion=config.min_inclusion)
    public = [_public_principle(s, len(opinion.group_sizes), config) for s in selected]
    principles = (*_with_articles(public, loaded, quotes), *_source_principles(public, loaded, quotes, config))
    constitution = Constitution(
        title=config.title or f"Constitution drafted from {_short(clean(opinion.consultation)) or 'a consultation'}",
        principles=_distinct(principles),
        sources=tuple(s.name for s in loaded),
        attribution=clean(opinion.attribution),
        marks=_marks(opinion, left_out, public, loaded),
    )
    return Draft(constitution, mapped, left_out, conflicts(constitution), opinion)


def adopted(constitution: Constitution) -> Constitution:
    """Return a constitution that a person wrote or edited, with the marks that say so.

    A principle whose words, as the mapper reads them, ask for the opposite of a stance it is given is named in a mark:
    training follows the stance, and readers would else meet the words alone.
    """
    read = map_statements([Statement(p.id, p.text) for p in constitution.principles], "en")
    against = [
        p.id
        for p, mapped in zip(constitution.principles, read, strict=True)
        if any(
            Bearing(b.concept, concepts()[b.concept].opposite(b.stance)) in mapped.bearings
            for b in p.bearings
            if b.stance
        )
    ]
    marks = [FROM_A_FILE]
    if against:
        marks.append(
            f"The words of {len(against)} principle{'s' * (len(against) > 1)} ask for the opposite of the stance given"
            f" beside them; training and exam follow the stance: {', '.join(against)}."
        )
    return dataclasses.replace(constitution, marks=tuple(dict.fromkeys((*constitution.marks, *marks))))


def conflicts(constitution: Constitution) -> tuple[Conflict, ...]:
    """Return the contested concepts on which principles take both stances, in the order of concepts.toml."""
    found = []
    resolved = constitution.stances()
    for concept in concepts().values():
        takers = [[p for p in constitution.principles if Bearing(concept.id, s) in p.bearings] for s in concept.stances]
        if sum(bool(t) for t in takers) > 1:
            found.append(
                Conflict(
                    concept.id,
                    concept.stances,
                    tuple(tuple(p.id for p in t) for t in takers),
                    tuple(round(sum(p.weight for p in t), 3) for t in takers),
                    resolved.get(concept.id),
                )
            )
    return tuple(found)


# ------------------------------------------------------------------ the public


def _public_principle(selected: Selected, groups: int, config: DraftConfig) -> Principle:
    leader = selected.statements[0]
    weight = config.public_weight * leader.group_aware_consensus ** (1 / max(groups, 1))
    origins = [
        Origin("statement", s.statement.id, support(s), clean(s.statement.text)[:_LONGEST_QUOTE])
        for s in selected.statements
    ]
    return phrase(principle_text(leader.statement.text), max(round(weight, 3), 0.001), origins, selected.bearings)


def _distinct(principles: Sequence[Principle]) -> tuple[Principle, ...]:
    """Join principles that came out the same, word by word, so that an id stands for one principle."""
    by_id: dict[str, Principle] = {}
    for principle in principles:
        first = by_id.get(principle.id)
        joined = (
            principle if first is None else dataclasses.replace(first, origins=(*first.origins, *principle.origins))
        )
        by_id[principle.id] = joined
    return tuple(by_id.values())


# ------------------------------------------------------------------ the sources


def _with_articles(
    public: Sequence[Principle], sources: Sequence[Source], quotes: dict[str, str]
) -> tuple[Principle, ...]:
    """Add to the heaviest public principle on each settled concept the articles that concept rests on."""
    founded: dict[int, dict[str, Origin]] = {}
    for concept in _settled():
        bearing = [i for i, p in enumerate(public) if Bearing(concept) in p.bearings]
        if bearing:
            heaviest = max(bearing, key=lambda i: (public[i].weight, -i))
            articles = _articles(concept, sources)
            founded.setdefault(heaviest, {}).update((a.ref, _article_origin(a, quotes)) for a in articles)
    return tuple(
        dataclasses.replace(p, origins=(*p.origins, *founded.get(i, {}).values())) for i, p in enumerate(public)
    )


def _source_principles(
    public: Sequence[Principle], sources: Sequence[Source], quotes: dict[str, str], config: DraftConfig
) -> tuple[Principle, ...]:
    covered = {b.concept for p in public for b in p.bearings}
    principles = []
    for concept in _settled():
        articles = _articles(concept, sources)
        if articles and concept not in covered:
            origins = [_article_origin(a, quotes) for a in articles]
            principles.append(phrase(source_text(concept), config.source_weight, origins, [Bearing(concept)]))
    return tuple(principles)


def _settled() -> list[str]:
    """Return the concepts a source may found a principle on: it takes no side on contested ones."""
    return [c.id for c in concepts().values() if not c.contested and not c.placebo]


def _articles(concept: str, sources: Sequence[Source]) -> list[Article]:
    return [article for source in sources for article in source.founding(concept)]


def _article_origin(article: Article, quotes: dict[str, str]) -> Origin:
    return Origin("article", article.ref, quote=quotes.get(article.ref, article.title))


def _quotes(sources: Sequence[Source], config: DraftConfig) -> dict[str, str]:
    """Return the official text of articles by ref."""
    by_name = {s.name: s for s in sources}
    quotes = {}
    for name, path in config.quote_from.items():
        if name not in by_name:
            raise FolkmootError(
                f"quote_from names the source {name!r}, which is not drafted from",
                where="config: draft.quote_from",
                do=f"use one of: {', '.join(by_name) or 'none, since no source was given'}",
            )
        quotes.update(_quoted(by_name[name], path))
    return quotes


def _quoted(source: Source, path: Path) -> dict[str, str]:
    texts = read_official_text(path)
    missing = [a.number for a in source.articles if a.number not in texts]
    if missing:
        raise FolkmootError(
            f"the official text of {source.name} lacks article {', '.join(map(str, missing[:5]))}",
            where=str(path),
            do="give a file with every article",
        )
    return {a.ref: _clip(texts[a.number]) for a in source.articles}


def _short(title: str) -> str:
    return title if len(title) <= _LONGEST_TITLE else title[:_LONGEST_TITLE].rstrip() + " …"


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE].rstrip() + " …"


# ------------------------------------------------------------------ marks


def _marks(
    opinion: Opinion, left_out: Sequence[LeftOut], public: Sequence[Principle], sources: Sequence[Source]
) -> tuple[str, ...]:
    marks = []
    if opinion.simulated:
        marks.append(SIMULATED)
    if not public:
        marks.append(NO_PRINCIPLES if sources else NOTHING_SPEAKS)
    if any(left.reason is Reason.LANGUAGE for left in left_out):
        marks.append(NOT_COVERED)
    return tuple(marks)
