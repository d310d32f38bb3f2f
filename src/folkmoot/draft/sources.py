"""Founding documents: the articles a source has, the concepts they rest on, and their official text for quoting.

A source is a TOML file of `sources/`, in the form of `sources/udhr.toml`. Its gists are the project's own words; the
official text, in whatever language, is read from a file of the reader's own (`read_official_text`).
"""

import tomllib
import unicodedata
from dataclasses import dataclass
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from folkmoot.concepts import concepts
from folkmoot.errors import FolkmootError, UsageError
from folkmoot.similarity import clean

_MAX_BYTES = 5_000_000
_HEADING_LENGTH = 60
"""A line of plain text longer than this is no heading."""


@dataclass(frozen=True, slots=True)
class Article:
    """One article of a source. `ref` is ``name:number``; `concepts` are ids, contested ones for the record only."""

    ref: str
    number: int
    title: str
    gist: str
    concepts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A founding document, article by article."""

    name: str
    title: str
    articles: tuple[Article, ...]

    def founding(self, concept: str) -> tuple[Article, ...]:
        """Return the articles that a concept rests on."""
        return tuple(article for article in self.articles if concept in article.concepts)


class _FileArticle(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    number: int = Field(ge=1)
    title: str = Field(min_length=1)
    gist: str = Field(min_length=1)
    concepts: list[str]

    @field_validator("concepts")
    @classmethod
    def _are_known(cls, names: list[str]) -> list[str]:
        table = concepts()
        if unknown := [n for n in names if n not in table or table[n].placebo]:
            raise ValueError(f"no concepts of concepts.toml that a source may found: {', '.join(unknown)}")
        return names


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    schema_version: Literal[1]
    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str = Field(min_length=1)
    article: list[_FileArticle] = Field(min_length=1)


def source_names() -> tuple[str, ...]:
    """Return the names that `load_source` knows."""
    folder = resources.files("folkmoot.draft").joinpath("sources")
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))


def load_source(name: str) -> Source:
    """Return the source called `name`.

    Raises:
        UsageError: there is no such source.
        FolkmootError: its file does not have the form.
    """
    if name not in source_names():
        raise UsageError(
            f"there is no source {name!r}", where="--sources", do=f"use one of: {', '.join(source_names())}"
        )
    path = resources.files("folkmoot.draft").joinpath("sources", f"{name}.toml")
    return parse_source(path.read_text(encoding="utf-8"), where=f"{name}.toml")


def parse_source(text: str, *, where: str) -> Source:
    """Return the source a TOML text describes; `where` names it in errors.

    Raises:
        FolkmootError: not TOML, or not the form of a source.
    """
    try:
        file = _File.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise FolkmootError(
            f"not a source: {_brief(error)}", where=where, do="compare it with src/folkmoot/draft/sources/udhr.toml"
        ) from error
    numbers = [a.number for a in file.article]
    if len(set(numbers)) < len(numbers):
        raise FolkmootError("an article number occurs twice", where=where, do="number every article once")
    articles = (Article(f"{file.name}:{a.number}", a.number, a.title, a.gist, tuple(a.concepts)) for a in file.article)
    return Source(file.name, file.title, tuple(articles))


def _brief(error: tomllib.TOMLDecodeError | ValidationError) -> str:
    if isinstance(error, tomllib.TOMLDecodeError):
        return str(error)
    problems = error.errors(include_url=False)[:3]
    return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems)


# ------------------------------------------------------------------ official texts


def read_official_text(path: Path) -> dict[int, str]:
    """Return the text of every article by number, cleaned to one line each.

    Two forms are read: HTML with ``<article data-number="7">`` around each article (headings are left out), and plain
    text in which a short line whose only number is the next one ("Article 7", "第７条") begins an article.

    Raises:
        FolkmootError: the file cannot be read or no article is found in it.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FolkmootError(
                f"the official text is larger than {_MAX_BYTES // 1_000_000} MB",
                where=str(path),
                do="give a file with the articles alone",
            )
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FolkmootError("the official text is not UTF-8", where=str(path), do="save it as UTF-8") from error
    except OSError as error:
        raise FolkmootError(f"cannot read the official text: {error.strerror}", where=str(path)) from error
    articles = _html_articles(text) if "<article" in text else _plain_articles(text)
    found = {number: clean(body) for number, body in articles.items() if clean(body)}
    if not found:
        raise FolkmootError(
            "no articles found in the official text",
            where=str(path),
            do='give HTML with <article data-number="1"> or plain text with a heading line such as "Article 1" each',
        )
    return found


_APART = {"p", "br", "div", "li", "ol", "ul", "td", "tr"}
"""Tags that part words although no blank stands there."""


class _ArticleReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.articles: dict[int, str] = {}
        self._number: int | None = None
        self._heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "article":
            number = _number(dict(attrs).get("data-number") or "")
            self._number = number
        elif self._number is not None and tag in _APART:
            self.handle_data(" ")
        self._heading = self._heading or tag in {"h1", "h2", "h3", "h4", "script", "style"}

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._number = None
        if tag in {"h1", "h2", "h3", "h4", "script", "style"}:
            self._heading = False

    def handle_data(self, data: str) -> None:
        if self._number is not None and not self._heading:
            self.articles[self._number] = self.articles.get(self._number, "") + data


def _html_articles(text: str) -> dict[int, str]:
    reader = _ArticleReader()
    reader.feed(text)
    reader.close()
    return reader.articles


def _plain_articles(text: str) -> dict[int, str]:
    articles: dict[int, str] = {}
    for line in text.splitlines():
        number = _number(line) if len(line) <= _HEADING_LENGTH else None
        if number == len(articles) + 1:
            articles[number] = ""
        elif articles:
            articles[len(articles)] += f"{line}\n"
    return articles


def _number(text: str) -> int | None:
    """Return the only number in a text, in the digits of any script."""
    groups = "".join(str(unicodedata.digit(c, "")) if c.isdecimal() else " " for c in text).split()
    return int(groups[0]) if len(groups) == 1 and len(groups[0]) < 5 else None
