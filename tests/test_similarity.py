"""Texts are cleaned to what is visible; likeness is symmetric, bounded and does not depend on order."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.concepts import concepts
from folkmoot.similarity import (
    NEAR_COPY,
    clean,
    cosine,
    jaccard,
    near_copies,
    nearest,
    nearest_concepts,
    normalise,
    shingles,
)

words = st.sampled_from(
    ["the", "assistant", "should", "be", "kind", "honest", "never", "lie", "to", "people", "正直", "café"]
)
sentences = st.lists(words, max_size=8).map(" ".join)
texts = st.text(max_size=30) | sentences
sets = st.frozensets(st.text("abc", max_size=2), max_size=6)


# ------------------------------------------------------------------ cleaning


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a \t b\r\n c\u2028d\u2029e ", "a b c d e"),
        ("don’t ‘do’ “that” «now» „so“", 'don\'t \'do\' "that" "now" "so"'),
        ("zero\u200bwidth so\u00adft \ufeffmark \u2066bidi\u2069 \u202eover", "zerowidth soft mark bidi over"),
        ("ﬁne Ｆｕｌｌ １２ ①", "fine Full 12 1"),
        ("cafe\u0301", "café"),
        ("nul\x00bell\x07 lone\ud800 none\uffff", "nul bell lone none"),
        ("हिन्दी العربية 正直 🙂", "हिन्दी العربية 正直 🙂"),
        ("", ""),
        (" \u200b\n ", ""),
    ],
)
def test_cleaning_leaves_one_visible_line(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text(st.characters()))
def test_a_clean_text_is_one_line_of_visible_signs_that_can_be_written(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert len(cleaned.splitlines()) <= 1
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned
    assert {unicodedata.category(c) for c in cleaned}.isdisjoint({"Cc", "Cs", "Cn", "Zl", "Zp"})
    assert not set(cleaned) & set("‘’“”«»„\u200b\u200e\u202e\u2066\ufeff")


def test_cleaning_twice_is_cleaning_once() -> None:
    for text in ("e\u200b\u0301", "\u1100\u200b\u1161"):
        assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize("sign", "´ʼ")
def test_signs_typed_as_an_apostrophe_are_one(sign: str) -> None:
    assert clean(f"don{sign}t") == "don't"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The ASSISTANT -- should be: “kind”!", "the assistant should be kind"),
        ("Straße", "strasse"),
        ("हिन्दी, العربية; 正直.", "हिन्दी العربية 正直"),
        ("a_b-c/d", "a b c d"),
        ("?!", ""),
    ],
)
def test_normalising_keeps_letters_and_digits(text: str, plain: str) -> None:
    assert normalise(text) == plain


@given(texts)
def test_capitals_and_punctuation_do_not_count(text: str) -> None:
    plain = normalise(text)
    assert normalise(f"  {plain}!! ") == plain
    if plain.isascii():
        assert normalise(plain.upper()) == plain


# ------------------------------------------------------------------ near copies


def test_shingles_are_the_runs_of_five_characters() -> None:
    assert shingles("Be kind!") == {"be ki", "e kin", " kind"}
    assert shingles("Kind") == {"kind"}
    assert shingles("kinds") == {"kinds"}
    assert shingles("?!") == frozenset()
    assert shingles("abc", n=2) == {"ab", "bc"}


@given(sets, sets)
def test_jaccard_is_symmetric_bounded_and_one_for_the_same(a: frozenset[str], b: frozenset[str]) -> None:
    assert jaccard(a, b) == jaccard(b, a)
    assert 0 <= jaccard(a, b) <= 1
    assert (jaccard(a, b) == 1) == (a == b and bool(a))
    assert (jaccard(a, b) == 0) == (not a & b)


@given(st.lists(texts, max_size=6), st.sampled_from([0.1, NEAR_COPY, 0.9]))
def test_near_copies_are_what_comparing_all_pairs_finds(some: list[str], above: float) -> None:
    pairs = {
        (i, j): jaccard(shingles(some[i]), shingles(some[j])) for i in range(len(some)) for j in range(i + 1, len(some))
    }
    found = near_copies(some, above=above)
    assert {(i, j): alike for i, j, alike in found} == {pair: alike for pair, alike in pairs.items() if alike > above}
    assert [alike for *_, alike in found] == sorted((alike for *_, alike in found), reverse=True)


@given(st.lists(texts, max_size=5), st.lists(texts, max_size=5))
def test_near_copies_among_two_lists_are_the_same_from_either_side(some: list[str], others: list[str]) -> None:
    there = {(i, j, alike) for i, j, alike in near_copies(some, others)}
    back = {(i, j, alike) for j, i, alike in near_copies(others, some)}
    assert there == back


def test_a_copy_with_a_changed_word_is_found_and_a_paraphrase_is_not() -> None:
    some = ["The assistant should always be kind to old people.", "Never lie."]
    others = ["Be honest.", "The assistant should always be kind to young people."]
    assert [(i, j) for i, j, _ in near_copies(some, others)] == [(0, 1)]


# ------------------------------------------------------------------ cosine


@settings(deadline=None, max_examples=50)
@given(st.lists(texts, min_size=1, max_size=6))
def test_cosine_is_symmetric_bounded_and_one_with_itself(some: list[str]) -> None:
    alike = cosine(some)
    assert alike.shape == (len(some), len(some))
    assert np.array_equal(alike, alike.T)
    assert alike.min() >= 0
    assert alike.max() <= 1
    assert np.diag(alike) == pytest.approx([1.0 if normalise(text) else 0.0 for text in some])


@settings(deadline=None, max_examples=30)
@given(st.lists(sentences, min_size=1, max_size=6), st.data())
def test_the_order_of_texts_only_orders_the_cosines(some: list[str], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(some))))
    assert cosine([some[i] for i in order]) == pytest.approx(cosine(some)[np.ix_(order, order)])


def test_cosine_forgives_spelling_and_does_not_understand() -> None:
    alike = cosine(["The assistant should be honest", "The asistant shuold be honest!", "It never lies"])
    assert alike[0, 1] > 0.5
    assert alike[0, 2] < 0.1


def test_no_texts_and_texts_without_words_are_like_nothing() -> None:
    assert cosine([]).shape == (0, 0)
    assert not cosine(["?", "!"]).any()
    assert nearest(["kind"], []) == [[]]
    assert nearest(["kind"], ["?"]) == [[]]


def test_the_nearest_come_first_and_ties_in_order() -> None:
    some = ["be honest", "be kind to people", "be honest", "drive slowly"]
    ((first, second, third),) = nearest(["be honest"], some)
    assert (first[0], second[0], third[0]) == (0, 2, 1)
    assert first[1] == pytest.approx(1)
    assert [len(found) for found in nearest(["be honest", "?"], some, count=2)] == [2, 2]


def test_no_queries_have_no_nearest() -> None:
    assert nearest([], ["be honest"]) == []


@pytest.mark.parametrize("concept", [c.id for c in concepts().values() if not c.placebo])
def test_a_concept_is_nearest_to_its_own_description_and_a_placebo_to_none(concept: str) -> None:
    assert nearest_concepts(concepts()[concept].description)[0][0] == concept
    every = [name for name, _ in nearest_concepts("Answers the thing that was asked", count=100)]
    assert sorted(every) == sorted(c.id for c in concepts().values() if not c.placebo)
