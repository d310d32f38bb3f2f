"""Every consultation of the reference data is drafted from, and the mapper is as often right as it was measured to be.

Without ../shared/data nothing here is checked: neither that real statements are read without an error, nor that a public
which says nothing on an assistant's conduct founds no principle, nor how often the mapper agrees with a person's labels.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from folkmoot.constitution import read_constitution, write_constitution
from folkmoot.draft.config import DraftConfig
from folkmoot.draft.drafting import NO_PRINCIPLES, NOT_COVERED, Draft, draft
from folkmoot.draft.language import language_of
from folkmoot.draft.render import constitution_markdown, left_out_markdown
from folkmoot.draft.selection import Reason
from folkmoot.draft.sources import read_official_text
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.opinion import analyse
from folkmoot.listen.reading import read_consultation

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"

if not DATA.is_dir():
    pytest.skip("../shared/data is absent: nothing is checked on real statements", allow_module_level=True)

POLIS = sorted(f"polis/{path.name}" for path in (DATA / "polis").iterdir() if path.is_dir())
CCAI = {"ccai/clean": 41, "ccai/raw": 62}  # principles from the public
OTHER_LANGUAGES = {"polis/vtaiwan.uberx", *(name for name in POLIS if "austria" in name)}
TEXTS = sorted((DATA / "udhr").glob("*.html"))

# a little below what bench_mapping.py measures: conduct and pairs, precision and recall
FLOORS = {
    "develop": {"conduct_precision": 0.96, "conduct_recall": 0.97, "pair_precision": 0.96, "pair_recall": 0.95},
    "held-out": {"conduct_precision": 0.89, "conduct_recall": 0.87, "pair_precision": 0.90, "pair_recall": 0.79},
    "raw-develop": {"conduct_precision": 0.89, "conduct_recall": 0.80, "pair_precision": 0.96, "pair_recall": 0.84},
    "raw-held-out": {"conduct_precision": 0.88, "conduct_recall": 0.66, "pair_precision": 0.83, "pair_recall": 0.52},
}
MOST_ABSTENTIONS = {"develop": 0.02, "held-out": 0.12, "raw-develop": 0.12, "raw-held-out": 0.20}


@cache
def drafted(name: str) -> Draft:
    return draft(analyse(read_consultation(DATA / name), ListenConfig(resamples=20)), ["udhr"])


def test_there_are_twelve_open_conversations() -> None:
    assert len(POLIS) == 12


@pytest.mark.parametrize("name", [*POLIS, *CCAI])
def test_every_statement_ends_in_exactly_one_place(name: str) -> None:
    made = drafted(name)
    origins = [o.ref for p in made.constitution.principles for o in p.origins if o.kind == "statement"]
    left = [one.opinion.statement.id for one in made.left_out]
    assert sorted(origins + left) == sorted(s.statement.id for s in made.opinion.statements)


@pytest.mark.parametrize("name", [*POLIS, *CCAI])
def test_every_draft_can_be_written_read_back_and_shown(name: str, tmp_path: Path) -> None:
    made = drafted(name)
    write_constitution(made.constitution, tmp_path / "constitution.yaml")
    assert read_constitution(tmp_path / "constitution.yaml") == made.constitution
    assert constitution_markdown(made.constitution, made).count("\n### ") == len(made.constitution.principles)
    assert left_out_markdown(made).count("\n- statement ") == len(made.left_out)


@pytest.mark.parametrize("name", POLIS)
def test_a_public_that_was_asked_about_something_else_founds_no_principle_and_that_is_marked(name: str) -> None:
    made = drafted(name)
    assert made.constitution.from_public == ()
    assert NO_PRINCIPLES in made.constitution.marks
    assert len(made.constitution.principles) > 0, "the source still speaks"
    assert all(o.kind == "article" for p in made.constitution.principles for o in p.origins)


@pytest.mark.parametrize("name", CCAI)
def test_a_public_that_was_asked_about_an_assistant_founds_principles(name: str) -> None:
    made = drafted(name)
    assert len(made.constitution.from_public) == pytest.approx(CCAI[name], abs=4), "as measured"
    assert NO_PRINCIPLES not in made.constitution.marks


@pytest.mark.parametrize("name", sorted(OTHER_LANGUAGES))
def test_statements_in_another_language_are_said_to_be_uncovered(name: str) -> None:
    made = drafted(name)
    kept = [one for one in made.left_out if one.reason is not Reason.MODERATED]
    assert sum(one.reason is Reason.LANGUAGE for one in kept) >= 0.97 * len(kept)
    assert NOT_COVERED in made.constitution.marks


@pytest.mark.parametrize("name", sorted({*POLIS, *CCAI} - OTHER_LANGUAGES))
def test_few_english_statements_are_taken_for_another_language(name: str) -> None:
    mapped = drafted(name).mapped
    assert sum(m.basis == "language" for m in mapped) <= max(2, 0.03 * len(mapped))


# ------------------------------------------------------------------ the mapper against a person


@cache
def measured() -> dict[str, dict[str, dict[str, float]]]:
    program = [sys.executable, str(ROOT / "benchmarks" / "bench_mapping.py"), "--data", str(DATA / "ccai"), "--json"]
    result = subprocess.run(program, capture_output=True, text=True, timeout=120, check=True)
    return {line["set"]: line for line in map(json.loads, result.stdout.splitlines())}


@pytest.mark.parametrize("name", FLOORS)
def test_the_mapper_is_as_often_right_as_it_was(name: str) -> None:
    figures = measured()[name]
    below = {what: figures[what]["value"] for what, floor in FLOORS[name].items() if figures[what]["value"] < floor}
    assert not below
    assert figures["abstention"]["value"] <= MOST_ABSTENTIONS[name]


# ------------------------------------------------------------------ the declaration in twelve languages


def test_there_are_twelve_languages() -> None:
    assert len(TEXTS) == 12


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem)
def test_the_declaration_is_read_with_thirty_articles_in_every_language(path: Path) -> None:
    articles = read_official_text(path)
    assert list(articles) == list(range(1, 31))
    assert all(len(text) > 15 and "<" not in text and "\n" not in text for text in articles.values())
    assert len(set(articles.values())) == 30


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem)
def test_the_declaration_can_be_quoted_in_every_language(path: Path) -> None:
    made = draft(drafted("ccai/clean").opinion, ["udhr"], DraftConfig(quote_from={"udhr": path}))
    quotes = {o.ref: o.quote for p in made.constitution.principles for o in p.origins if o.kind == "article"}
    articles = read_official_text(path)
    assert len(quotes) >= 25
    assert all(
        articles[int(ref.removeprefix("udhr:"))].startswith(quote.removesuffix(" …")) for ref, quote in quotes.items()
    )


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem)
def test_english_alone_is_taken_for_english(path: Path) -> None:
    found = [language_of(text) for text in read_official_text(path).values()]
    expected = "english" if path.stem == "eng" else "other"
    assert found.count(expected) >= 29
    assert expected == "english" or "english" not in found
