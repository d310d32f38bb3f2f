"""Sources have the form they say they have, and official texts are read in the forms they come in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.draft.sources import load_source, parse_source, read_official_text, source_names
from folkmoot.errors import FolkmootError
from folkmoot.similarity import clean

SOURCE = """
schema_version = 1
name = "charter"
title = "A charter"
[[article]]
number = 1
title = "Truth"
gist = "Tell it."
concepts = ["truthfulness", "political-opinion"]
[[article]]
number = 2
title = "More truth"
gist = "Tell all of it."
concepts = ["truthfulness"]
"""


def test_the_declaration_is_there_and_whole() -> None:
    assert "udhr" in source_names()
    source = load_source("udhr")
    assert [a.number for a in source.articles] == list(range(1, 31))
    assert [a.ref for a in source.articles[:2]] == ["udhr:1", "udhr:2"]
    assert all(a.title and a.gist.endswith(".") for a in source.articles)


@pytest.mark.parametrize("name", source_names())
def test_every_source_that_is_offered_can_be_loaded(name: str) -> None:
    assert load_source(name).name == name


@pytest.mark.parametrize("name", ["magna-carta", "", "../udhr", "udhr.toml"])
def test_an_unknown_source_is_an_error_that_names_those_known(name: str) -> None:
    with pytest.raises(FolkmootError, match="no source") as error:
        load_source(name)
    assert repr(name) in error.value.what
    assert "udhr" in error.value.do


def test_the_articles_founding_a_concept_are_those_that_list_it() -> None:
    source = parse_source(SOURCE, where="charter.toml")
    assert [a.ref for a in source.founding("truthfulness")] == ["charter:1", "charter:2"]
    assert [a.ref for a in source.founding("political-opinion")] == ["charter:1"]
    assert source.founding("privacy") == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("number = 2", "number = 1", "an article number occurs twice"),
        ("number = 2", "number = 0", "article.1.number"),
        ("number = 2", "", "article.1.number"),
        ('"truthfulness", ', '"truthiness", ', "no concepts of concepts.toml that a source may found: truthiness"),
        ('"truthfulness", ', '"answers-what-was-asked", ', "may found: answers-what-was-asked"),
        ('gist = "Tell it."', 'jest = "Tell it."', "article.0.jest"),
        ('gist = "Tell it."', 'gist = ""', "article.0.gist"),
        ('name = "charter"', 'name = "A Charter"', "name"),
        ("schema_version = 1", "schema_version = 2", "schema_version"),
        ("schema_version = 1", "schema_version", "not a source: "),
    ],
)
def test_a_file_of_another_form_is_refused_by_field(old: str, new: str, said: str) -> None:
    with pytest.raises(FolkmootError, match="charter") as error:
        parse_source(SOURCE.replace(old, new, 1), where="charter.toml")
    assert said in error.value.what
    assert error.value.where == "charter.toml"
    assert error.value.do


def test_a_source_without_articles_is_none() -> None:
    with pytest.raises(FolkmootError, match="article"):
        parse_source('schema_version = 1\nname = "charter"\ntitle = "A charter"', where="charter.toml")


# ------------------------------------------------------------------ official texts


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "official"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_html_is_read_by_its_article_numbers_without_headings(tmp_path: Path) -> None:
    page = """<html><head><title>T</title><style>p {}</style></head><body><h1>Charter</h1><p>Preamble</p>
    <article data-number="1"><h2>Article <b>1</b></h2>
      <p>All are &quot;free&quot;.</p>
      <p>And equal.</p><script>alert(1)</script></article>
    <p>Between</p><article data-number="2">
      <h2>Article 2</h2> <p>Nobody &lt;b&gt; else.</p></article><article>No number</article><p>End</p></body></html>"""
    assert read_official_text(write(tmp_path, page)) == {1: 'All are "free". And equal.', 2: "Nobody <b> else."}


@pytest.mark.parametrize("between", ["</p><p>", "<br>"])
def test_paragraphs_on_one_line_of_html_do_not_run_together(tmp_path: Path, between: str) -> None:
    page = f'<article data-number="1"><p>All are free.{between}And equal.</p></article>'
    assert read_official_text(write(tmp_path, page)) == {1: "All are free. And equal."}


@pytest.mark.parametrize(
    ("first", "second"),
    [("Article 1", "Article 2"), ("第１条", "第２条"), ("المادة ١", "المادة ٢"), ("अनुच्छेद १.", "अनुच्छेद २."), ("1", "2")],
)
def test_plain_text_is_read_by_its_headings_in_the_digits_of_any_script(
    tmp_path: Path, first: str, second: str
) -> None:
    text = f"Charter of 1948\n\n{first}\nAll are free.\nAnd equal.\n\n{second}\nNobody else.\n"
    assert read_official_text(write(tmp_path, text)) == {1: "All are free. And equal.", 2: "Nobody else."}


def test_a_number_in_a_sentence_or_out_of_turn_begins_no_article(tmp_path: Path) -> None:
    long = "Whoever is 2 years old, or older than that, is as free as whoever is not."
    text = f"Article 1\nSee Article 7.\n{long}\nArticle 2\nEnd."
    assert read_official_text(write(tmp_path, text)) == {1: f"See Article 7. {long}", 2: "End."}


def test_a_byte_order_mark_and_other_line_ends_change_nothing(tmp_path: Path) -> None:
    plain = "Article 1\nAll are free.\nArticle 2\nNobody else.\n"
    dressed = b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode()
    assert read_official_text(write(tmp_path, dressed)) == read_official_text(write(tmp_path, plain))


@pytest.mark.parametrize(
    ("text", "said", "do"),
    [
        ("", "no articles found", "data-number"),
        ("Just a text.", "no articles found", "data-number"),
        ("<article>All</article>", "no articles found", "data-number"),
        ('<article data-number="1"><h2>Article 1</h2></article>', "no articles found", "data-number"),
        ("Artículo 1\nTodos".encode("latin-1"), "not UTF-8", "save it as UTF-8"),
        (b"x" * 5_000_001, "larger than 5 MB", "the articles alone"),
    ],
)
def test_a_text_that_cannot_be_read_says_why_and_what_to_do(
    tmp_path: Path, text: str | bytes, said: str, do: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(FolkmootError, match=said) as error:
        read_official_text(path)
    assert do in error.value.do
    assert error.value.where == str(path)


def test_a_missing_file_and_a_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(FolkmootError, match="cannot read the official text: No such file"):
        read_official_text(tmp_path / "nowhere")
    with pytest.raises(FolkmootError, match="cannot read the official text: Is a directory"):
        read_official_text(tmp_path)


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1, max_size=30), min_size=1, max_size=30))
def test_plain_articles_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[str]
) -> None:
    text = "".join(f"Article {number}\n{body}\n" for number, body in enumerate(bodies, start=1))
    read = read_official_text(write(tmp_path_factory.getbasetemp(), text))
    assert read == {number: clean(body) for number, body in enumerate(bodies, start=1)}
