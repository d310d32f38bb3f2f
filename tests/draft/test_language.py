"""English or not: by script and by function words, with the consultation deciding for what is too short to tell."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.draft.language import language_of, languages_of

SENTENCES = {
    "german": "Der Assistent soll nicht lügen und immer höflich sein.",
    "french": "L'assistant ne doit pas mentir et il doit être poli.",
    "spanish": "El asistente no debe mentir y debe ser amable con las personas.",
    "portuguese": "O assistente não deve mentir e deve ser gentil com os cidadãos.",
    "italian": "L'assistente non deve mentire e deve essere gentile con le persone.",
    "dutch": "De assistent moet eerlijk zijn en mag niet liegen.",
    "swedish": "Assistenten ska inte ljuga och det är viktigt att den är artig.",
    "danish": "Assistenten skal ikke lyve, og det er vigtigt at den er høflig.",
    "polish": "Asystent nie powinien kłamać i powinien być uprzejmy.",
    "turkish": "Asistan yalan söylememeli ve çok nazik bir dil kullanmalı.",
    "swahili": "Msaidizi asiseme uongo kwa mtu yeyote na awe na adabu.",
    "indonesian": "Asisten tidak boleh berbohong dan harus sopan untuk semua orang.",
    "arabic": "يجب أن يكون المساعد صادقا",
    "chinese": "助手應該誠實",
    "japanese": "アシスタントは正直であるべきです",
    "russian": "Помощник должен быть честным",
    "hindi": "सहायक को ईमानदार होना चाहिए",
    "greek": "Ο βοηθός πρέπει να είναι ειλικρινής",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_another_language_is_told_from_english(language: str) -> None:
    assert language_of(SENTENCES[language]) == "other"


@pytest.mark.parametrize(
    "text", ["The assistant should not lie.", "It must be polite to people", "AI should ask before it acts", "be kind"]
)
def test_english_is_known(text: str) -> None:
    assert language_of(text) == "english"


@pytest.mark.parametrize("text", ["", "42", "Taxi", "🙂", "AI", "Uber!"])
def test_too_little_is_unknown(text: str) -> None:
    assert language_of(text) == "unknown"


def test_a_foreign_word_does_not_make_english_foreign() -> None:
    assert language_of("The assistant should know the word 正直 and what it means") == "english"


def test_what_is_too_short_takes_the_language_of_most_others() -> None:
    english, german = "The assistant should not lie.", SENTENCES["german"]
    assert languages_of(["Taxi", english, english, german])[0] == "english"
    assert languages_of(["Taxi", english, german, german])[0] == "other"
    assert languages_of(["Taxi", english, german])[0] == "other", "where half is half nothing is guessed at"
    assert languages_of(["Taxi"]) == ["unknown"]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("en", "english"),
        ("en-GB", "english"),
        ("EN", "english"),
        ("eng", "english"),
        ("de", "other"),
        ("zh-Hant", "other"),
    ],
)
def test_a_declared_language_decides_for_what_is_too_short_alone(declared: str, expected: str) -> None:
    assert languages_of(["Taxi"], declared) == [expected]
    assert languages_of(["The assistant should not lie.", SENTENCES["german"]], declared) == ["english", "other"]


texts = st.lists(st.text(max_size=30) | st.sampled_from([*SENTENCES.values(), "It should be kind", "Taxi"]), max_size=8)


@given(texts, st.sampled_from(["und", "", "en", "fr"]), st.randoms())
def test_the_order_of_texts_changes_nothing(said: list[str], declared: str, shuffler: random.Random) -> None:
    order = list(range(len(said)))
    shuffler.shuffle(order)
    straight = languages_of(said, declared)
    assert languages_of([said[i] for i in order], declared) == [straight[i] for i in order]
    assert set(straight) <= {"english", "other", "unknown"}
