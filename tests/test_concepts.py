"""The taxonomy is well-formed, wide enough, and covers every article of the Universal Declaration of Human Rights."""

import re
import tomllib
from importlib import resources

import pytest

from folkmoot.concepts import Concept, concepts
from folkmoot.draft.sources import load_source
from folkmoot.errors import FolkmootError

ALL = concepts().values()
ARTICLES = load_source("udhr").articles


def raw() -> dict[str, dict[str, object]]:
    text = resources.files("folkmoot").joinpath("concepts.toml").read_text(encoding="utf-8")
    file = tomllib.loads(text)
    assert set(file) == {"schema_version", "concept"}
    assert file["schema_version"] == 1
    return dict(file["concept"])


def test_there_are_enough_of_every_kind() -> None:
    real = [c for c in ALL if not c.placebo]
    assert sum(not c.contested for c in real if c.taught) >= 16
    assert sum(c.contested for c in real) >= 8
    assert sum(not c.taught for c in real) >= 4
    assert sum(c.placebo for c in ALL) == 1


@pytest.mark.parametrize("name", raw())
def test_a_concept_has_the_fields_of_its_kind_and_no_other(name: str) -> None:
    fields = raw()[name]
    needed = {"description", "articles", "taught", "contrast"}
    if "stances" in fields:
        needed |= {"stances", "request_a", "request_b"}
    if "placebo" in fields:
        needed |= {"placebo"}
        assert fields["placebo"] is True
    assert set(fields) == needed
    assert isinstance(fields["taught"], bool)


@pytest.mark.parametrize("concept", ALL, ids=lambda c: c.id)
def test_a_concept_is_well_formed(concept: Concept) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", concept.id)
    assert re.fullmatch(r"[A-Z].*\.", concept.description)
    assert concept.contrast.strip()
    assert list(concept.articles) == sorted(set(concept.articles))
    assert set(concept.articles) <= set(range(1, 31))
    if concept.contested:
        assert len(set(concept.stances)) == 2
        assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", stance) for stance in concept.stances)
        assert concept.request_a != concept.request_b
        assert concept.taught
    else:
        assert " / " in concept.contrast, "the two sides of the contrast"


def test_no_stance_means_two_things() -> None:
    stances = [stance for c in ALL for stance in c.stances]
    assert len(stances) == len(set(stances))


def test_no_description_occurs_twice() -> None:
    assert len({c.description for c in ALL}) == len(ALL)


def test_every_article_of_the_declaration_has_a_concept_that_is_known() -> None:
    assert [a.number for a in ARTICLES] == list(range(1, 31))
    for article in ARTICLES:
        assert article.concepts, article.ref
        assert len(set(article.concepts)) == len(article.concepts)
        assert set(article.concepts) <= {c.id for c in ALL if not c.placebo}


def test_every_article_has_a_concept_that_it_can_found_a_principle_on() -> None:
    for article in ARTICLES:
        assert any(not concepts()[name].contested for name in article.concepts), article.ref


def test_concepts_and_the_declaration_name_each_other() -> None:
    by_concept = {c.id: tuple(a.number for a in ARTICLES if c.id in a.concepts) for c in ALL}
    assert by_concept == {c.id: c.articles for c in ALL}


def test_a_stance_has_an_opposite() -> None:
    for concept in ALL:
        for stance in concept.stances:
            assert concept.opposite(concept.opposite(stance)) == stance != concept.opposite(stance)


def test_an_unknown_stance_is_an_error_that_names_the_two() -> None:
    with pytest.raises(FolkmootError, match="'answer-length' has no stance 'long'") as error:
        concepts()["answer-length"].opposite("long")
    assert "explains, brief" in error.value.do
    with pytest.raises(FolkmootError, match="'dignity' has no stance 'kind'") as error:
        concepts()["dignity"].opposite("kind")
    assert "none" in error.value.do
