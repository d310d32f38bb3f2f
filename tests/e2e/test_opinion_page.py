"""The opinion page in a real browser, at phone and desktop width: readable, offline, in both schemes, by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from folkmoot.listen.reading import read_consultation
from folkmoot.listen.report import render_opinion, write_opinion_page

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[2] / "examples" / "harbour-town"
WIDTHS = {"phone": 390, "desktop": 1280}


@pytest.fixture(scope="module")
def opinion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("opinion") / "opinion.html"
    write_opinion_page(render_opinion(read_consultation(EXAMPLE)), path)
    return path


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, browser: Browser, opinion: Path) -> Iterator[tuple[Page, list[str]]]:
    context = browser.new_context(viewport={"width": WIDTHS[request.param], "height": 900}, offline=True)
    opened = context.new_page()
    heard: list[str] = []
    opened.on("request", lambda one: heard.append(one.url))
    opened.on("console", lambda one: heard.append(one.text))
    opened.goto(opinion.as_uri())
    yield opened, heard
    context.close()


def test_nothing_but_the_file_is_asked_for_and_nothing_complains(page: tuple[Page, list[str]], opinion: Path) -> None:
    assert page[1] == [opinion.as_uri()]


def test_the_page_is_no_wider_than_the_screen_even_with_all_open(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    opened.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert opened.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_no_table_of_a_phone_is_cut_off(browser: Browser, opinion: Path) -> None:
    with browser.new_context(viewport={"width": 390, "height": 900}) as context:
        opened = context.new_page()
        opened.goto(opinion.as_uri())
        cut = opened.evaluate(
            "[...document.querySelectorAll('.scroll, td')].filter(s => s.scrollWidth > s.clientWidth + 1).map(s => s.innerText.slice(0, 60))"
        )
        assert cut == []


def test_every_picture_says_what_it_is(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    unnamed = opened.evaluate("""[...document.querySelectorAll('svg:not([aria-hidden])')].filter(
        s => !(s.getAttribute('aria-labelledby') || '').split(' ').some(id => document.getElementById(id)?.textContent)
             && !s.getAttribute('aria-label')).length""")
    assert unnamed == 0


def test_what_is_folded_opens_by_keyboard(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    folded = opened.locator("details").count()
    assert folded > 2
    for _ in range(folded):
        opened.keyboard.press("Tab")
        opened.keyboard.press("Enter")
    assert opened.locator("details[open]").count() > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, opinion: Path, scheme: str) -> None:
    with browser.new_context(color_scheme=scheme) as context:  # type: ignore[arg-type]
        opened = context.new_page()
        opened.goto(opinion.as_uri())
        colours = opened.evaluate("""() => {
            const of = (e, what) => getComputedStyle(e)[what].match(/[\\d.]+/g).map(Number);
            const ground = [...of(document.body, 'backgroundColor')];
            return [ground, ...['body', '.muted', 'summary'].map(s => of(document.querySelector(s), 'color'))];
        }""")
    ground, *texts = (_luminance(colour) for colour in colours)
    assert (ground < 0.2) == (scheme == "dark")
    for text in texts:
        assert (max(ground, text) + 0.05) / (min(ground, text) + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


def _luminance(rgb: list[float]) -> float:
    red, green, blue = ((c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
