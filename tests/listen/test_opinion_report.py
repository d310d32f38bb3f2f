"""The opinion page stands alone, runs nothing, says who was simulated, and gives no small cell away."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.report import render_opinion
from folkmoot.records import Statement

FEW = ListenConfig(resamples=20, shuffles=5)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "{{ 7 * 7 }}{% raw %}",
    "</svg></style><style>*{display:none}",
    "https://example.org/track.png url(//example.org/x)",
    "&lt;b&gt; &amp; 'single' \"double\"",
)


def two_camps(
    texts: tuple[str, ...] = HOSTILE, *, few: int = 0, order: int | None = None, **about: object
) -> Consultation:
    """Two camps, 35 and 25, who differ in every answer; on the last statement only `few` of the second camp have voted."""
    statements = 10
    said_PS = np.array([[1 if (p < 35) == (s < 5) else -1 for s in range(statements)] for p in range(60)])
    cells = [
        (p, s) for p in range(60) for s in range(statements) if not (few and s == statements - 1 and p >= 35 + few)
    ]
    person, statement = (np.array(axis, dtype=np.int32) for axis in zip(*cells, strict=True))
    vote = said_PS[person, statement].astype(np.int8)
    said = [Statement(str(s), texts[s] if s < len(texts) else f"Statement {s}") for s in range(statements)]
    if order is not None:
        turned = np.random.default_rng(order).permutation(60).astype(np.int32)
        mixed = np.random.default_rng(order).permutation(len(cells))
        person, statement, vote = turned[person][mixed], statement[mixed], vote[mixed]
    fields: dict[str, object] = {"name": "Town <b>hall</b>", **about}
    return Consultation(
        statements=tuple(said),
        participant_V=person,
        statement_V=statement,
        vote_V=vote,
        participants=60,
        **fields,  # type: ignore[arg-type]
    )


class Seen(HTMLParser):
    """Collects tags with their attributes, and what a reader sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page() -> str:
    return render_opinion(two_camps(simulated=True, attribution="Asked by <the town>, CC BY 4.0"), FEW)


def test_nothing_is_fetched_and_nothing_runs(page: str) -> None:
    for tag, attributes in Seen(page).tags:
        assert tag not in {"script", "img", "link", "iframe", "object", "base", "form"}
        assert not any(name.startswith("on") or name in {"src", "srcset"} for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert not re.search(r"@import|url\((?!#)", styles)


def test_hostile_texts_are_shown_as_they_are(page: str) -> None:
    seen = Seen(page).text
    assert all(text in seen for text in HOSTILE)
    assert page.count("<style>") == 1


def test_marks_and_attribution_travel(page: str) -> None:
    seen = Seen(page).text
    assert "no real person cast them" in seen
    assert "Asked by <the town>, CC BY 4.0" in seen
    assert "no real person cast them" not in Seen(render_opinion(two_camps(), FEW)).text


def test_the_same_votes_give_the_same_page_in_whatever_order(page: str) -> None:
    about = {"simulated": True, "attribution": "Asked by <the town>, CC BY 4.0"}
    for order in (1, 2):
        assert render_opinion(two_camps(order=order, **about), FEW) == page


def test_what_few_people_of_a_group_said_is_not_given_away() -> None:
    """Seven of the second camp agree with the last statement: neither they nor what they could be figured from is told."""
    seen = Seen(render_opinion(two_camps(few=7), FEW)).text
    row = seen[seen.rindex("Statement 9") :][:400]
    assert not re.search(r"\bof 7\b|\bof 35\b", row)
    whole = Seen(render_opinion(two_camps(few=12), FEW)).text
    row = whole[whole.rindex("Statement 9") :][:400]
    assert re.search(r"\bof 12\b", whole)


def test_one_group_is_said_plainly() -> None:
    said = two_camps()
    alike = Consultation(
        "town", said.statements, said.participant_V, said.statement_V, np.ones_like(said.vote_V), said.participants
    )
    seen = Seen(render_opinion(alike, FEW)).text
    assert "There is one group" in seen


def test_of_a_handful_of_people_nothing_is_drawn() -> None:
    person = np.repeat(np.arange(6, dtype=np.int32), 8)
    said = tuple(Statement(str(s), f"Statement {s}") for s in range(8))
    few = Consultation("town", said, person, np.tile(np.arange(8, dtype=np.int32), 6), np.ones(48, dtype=np.int8), 6)
    page = render_opinion(few, FEW)
    assert "No map is drawn" in page
    assert "hexagon g" not in page
