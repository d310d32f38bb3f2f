"""The opinion page: what came out of a consultation, as one HTML file that opens offline and holds no participant."""

from collections import Counter
from pathlib import Path

from folkmoot import __version__
from folkmoot.errors import FolkmootError
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consensus import Consensus, StatementConsensus, analyse_consensus
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.opinion_map import OpinionMap, map_opinions
from folkmoot.listen.pictures import (
    band_shares,
    by_inclusion,
    draw_map,
    figures,
    inclusion,
    inclusion_bars,
    interval,
    is_judged,
    least_decided,
    letter,
    most_dividing,
    nearest_to_agreement,
    shares,
)
from folkmoot.pages import render_page
from folkmoot.records import SMALL_CELL, Band, Estimate

GENERATOR = "opinion report"
"""What the page says it is; only a page that says so is written over."""
MOST_AGREED, MOST_DIVIDING, MOST_CONTESTED = 20, 10, 20
FIRM, FAIRLY_FIRM = 0.8, 0.5
"""Adjusted Rand index from which groups are called firm (the lower bound of its interval) and fairly firm (its value)."""


def render_opinion(consultation: Consultation, config: ListenConfig | None = None, *, seed: int = 0) -> str:
    """Analyse a consultation and return its opinion page as HTML: the same bytes for the same votes and seed.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    config = config or ListenConfig()
    return opinion_page(
        analyse_consensus(consultation, config, seed=seed),
        map_opinions(consultation, config),
        config,
        name=consultation.name,
        language=consultation.language,
        seed=seed,
    )


def opinion_page(
    found: Consensus, opinion_map: OpinionMap, config: ListenConfig, *, name: str, language: str, seed: int
) -> str:
    """Return the page for an analysis and the map that belongs to it; every text is escaped."""
    counted = [s for s in found.statements if s.band != Band.NOT_COUNTED]
    return render_page(
        "folkmoot.listen",
        "opinion.html.j2",
        found=found,
        map=opinion_map,
        picture=draw_map(opinion_map),
        config=config,
        name=name,
        language=language,
        seed=seed,
        version=__version__,
        generator=GENERATOR,
        small=SMALL_CELL,
        sentences=what_came_out(found),
        meta=sum(s.statement.is_meta and s.statement.moderated != -1 for s in found.statements),
        moderated=sum(s.statement.moderated == -1 for s in found.statements),
        nearest=nearest_to_agreement(counted, MOST_AGREED),
        dividing=most_dividing(counted, MOST_DIVIDING),
        suppressed=sum(not figures(s.by_group) for s in counted),
        bands=band_shares(found.statements),
        bars=inclusion_bars(counted),
        contested=least_decided(counted, MOST_CONTESTED),
        statements=by_inclusion(counted),
        names=["all", *map(letter, range(len(found.group_sizes)))][: 1 if len(found.group_sizes) == 1 else None],
        shares=shares,
        figures=figures,
        is_judged=is_judged,
        inclusion=lambda s: inclusion(s, found.resamples),
        interval=interval,
        signed=signed,
        how_many=how_many,
        most_agreed=MOST_AGREED,
        most_dividing=MOST_DIVIDING,
        most_contested=MOST_CONTESTED,
        letter=letter,
    )


def what_came_out(found: Consensus) -> tuple[str, ...]:
    """Return the result in plain sentences: how many groups, how firm they are, what is agreed."""
    return (_groups(found), *([_firmness(found.stability)] if found.stability else []), _agreed(found.statements))


def _groups(found: Consensus) -> str:
    of_all = f"{found.participants_in:,} of the {found.participants:,}"
    who = f"All {found.participants:,}" if found.participants_in == found.participants else of_all
    people = f"{who} people who took part voted often enough to count"
    if len(found.group_sizes) == 1:
        return f"There is one group: no camps can be told apart. {people}."
    sizes = [f"{letter(g)} ({size:,}{' people' if g == 0 else ''})" for g, size in enumerate(found.group_sizes)]
    return f"There are {len(sizes)} opinion groups: {', '.join(sizes[:-1])} and {sizes[-1]}. {people}."


def _firmness(stability: Estimate) -> str:
    low, high = stability.ci
    figure = f"adjusted Rand index {stability.value:.2f}, 95% interval {low:.2f} to {high:.2f}, {stability.n} draws"
    if low >= FIRM:
        return f"The groups are firm: of other people of the same public, put into as many groups, nearly the same would come out ({figure})."
    if stability.value >= FAIRLY_FIRM:
        return f"The groups are fairly firm: of other people, put into as many groups, some would stand elsewhere ({figure})."
    return f"The groups are not firm, so speak of statements and not of groups ({figure})."


def _agreed(statements: tuple[StatementConsensus, ...]) -> str:
    counts: Counter[Band] = Counter(s.band for s in statements if s.band != Band.NOT_COUNTED)
    says = {
        Band.AGREED: "certainly agreed by every group",
        Band.CONTESTED: "contested (with other people of the same public it might have come out otherwise)",
        Band.NOT_AGREED: "certainly not agreed by every group",
        Band.INSUFFICIENTLY_SEEN: "seen by too few to say",
    }
    parts = [f"{_is(counts[band])} {words}" for band, words in says.items() if counts[band] or band == Band.AGREED]
    return f"Of {counts.total():,} statement{'' if counts.total() == 1 else 's'} that count, {', '.join(parts)}."


def _is(count: int) -> str:
    return {0: "none is", 1: "1 is"}.get(count, f"{count:,} are")


def how_many(shown: int, most: int, which: str) -> str:
    """Return which statements are shown: all where there are no more, else those that `which` says."""
    if shown < most:
        return "one statement" if shown == 1 else f"all {shown} statements"
    return f"the {shown} statements {which}"


def signed(estimate: Estimate) -> str:
    """Format a number that may be negative, with its interval."""
    value, low, high = (_two_decimals(x) for x in (estimate.value, *estimate.ci))
    return f"{value} [{low}, {high}]"


def _two_decimals(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")  # + 0.0 takes the sign from −0


# ------------------------------------------------------------------ the file


def check_destination(path: Path) -> None:
    """Do nothing if an opinion page may be written to `path`.

    Raises:
        FolkmootError: its name is no page's, its folder is missing, or something else than an opinion page is there.
    """
    if path.suffix.lower() not in {".html", ".htm"}:
        raise FolkmootError("the report is a web page", where=str(path), do="give a file name that ends in .html")
    if not path.parent.is_dir():
        raise FolkmootError("there is no such folder", where=str(path.parent), do="make the folder first")
    if path.exists() and not _is_opinion_page(path):
        raise FolkmootError(
            "something else than an opinion report is there, and it is not written over",
            where=str(path),
            do="give another file name, or move what is there",
        )


def _is_opinion_page(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(2_000)
    except OSError as error:
        raise FolkmootError(f"what is there cannot be read: {error.strerror or error}", where=str(path)) from error
    return b'<meta name="generator" content="Folkmoot ' in head and GENERATOR.encode() in head


def write_opinion_page(page: str, path: Path) -> None:
    """Write a page, whole or not at all.

    Raises:
        FolkmootError: as `check_destination`, or it cannot be written.
    """
    check_destination(path)
    beside = path.with_name(f".{path.name}.part")
    try:
        try:
            beside.write_text(page, encoding="utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise FolkmootError(
            f"the report cannot be written: {error.strerror or error}",
            where=str(path),
            do="give a place you may write to",
        ) from error
