"""The report in a real browser, at phone and desktop width: readable, offline, without scripts, nothing cut off."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from folkmoot.pipeline import follow, make_request

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[2] / "examples" / "harbour-town"
WIDTHS = {"phone": 390, "desktop": 1280}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """The report of a walk on a tiny model, every control included."""
    folder = tmp_path_factory.mktemp("report")
    settings = folder / "few.toml"
    settings.write_text(
        "[train]\nlessons = 4\nlayers = 2\nlora_rank = 4\n"
        "[evaluate]\nhonesty_phrasings = 3\nanswers = 2\nanswer_tokens = 6\n"
    )
    request = make_request(
        consultation=EXAMPLE, student=str(tiny_model), scale="small", seeds=1, out=folder / "run", config=settings
    )
    return Path(follow(request)["report"])


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[tuple[Page, list[str]]]:
    context = browser.new_context(
        viewport={"width": WIDTHS[request.param], "height": 900}, java_script_enabled=True, offline=True
    )
    opened = context.new_page()
    asked: list[str] = []
    opened.on("request", lambda one: asked.append(one.url))
    opened.goto(report.as_uri())
    yield opened, asked
    context.close()


def test_nothing_but_the_file_is_asked_for(page: tuple[Page, list[str]], report: Path) -> None:
    opened, asked = page
    assert asked == [report.as_uri()]
    assert opened.locator("script").count() == 0


def test_the_page_is_no_wider_than_the_screen(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    wide = opened.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0


def test_the_headline_the_marks_and_every_chart_with_its_table_are_seen(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    assert "item score" in opened.locator("p.lead").inner_text()
    marks = opened.locator("p.mark").all_inner_texts()
    assert any("imulated" in mark for mark in marks)
    assert any("written by hand, not AI feedback" in mark for mark in marks)
    figures = opened.locator("figure")
    assert figures.count() == 3
    assert opened.locator("table").count() >= 4
    for number in range(figures.count()):
        assert figures.nth(number).is_visible()


def test_every_mark_of_a_chart_lies_inside_it_and_says_its_numbers(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    outside = opened.evaluate(
        """() => [...document.querySelectorAll('figure svg line.dot')].filter(dot => {
             const x = Number(dot.getAttribute('x1')); return !(x >= 0 && x <= 100)}).length"""
    )
    assert outside == 0
    labels = opened.locator("figure svg").evaluate_all("all => all.map(svg => svg.getAttribute('aria-label').trim())")
    assert len(labels) > 30
    assert all("n = " in label for label in labels)


def test_text_has_contrast_enough(page: tuple[Page, list[str]]) -> None:
    opened, _ = page
    # WCAG 2.2, success criterion 1.4.3: 4.5 to 1 for text of this size
    ratios = opened.evaluate(
        """() => { const parse = c => c.match(/[0-9.]+/g).slice(0, 3).map(Number);
          const light = c => { const [r, g, b] = parse(c).map(v => { v /= 255;
            return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }); return 0.2126*r + 0.7152*g + 0.0722*b };
          const back = e => { for (let n = e; n; n = n.parentElement) { const c = getComputedStyle(n).backgroundColor;
            if (c !== 'rgba(0, 0, 0, 0)') return c } return 'rgb(255, 255, 255)' };
          return [...document.querySelectorAll('p, td, th, h1, h2, h3, .value, .name, .ticks i')].map(e => {
            const a = light(getComputedStyle(e).color), b = light(back(e));
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) }) }"""
    )
    assert min(ratios) >= 4.5


def test_details_open_without_scripts(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900}, java_script_enabled=False)
    opened = context.new_page()
    opened.goto(report.as_uri())
    opened.get_by_text("All principles").click()
    assert opened.get_by_text("The assistant should always tell people").first.is_visible()
    context.close()


def test_the_json_beside_it_holds_the_same_numbers(report: Path) -> None:
    results = json.loads((report.parent / "report.json").read_text())
    value = results["exam"]["final"]["item_score"]["value"]
    assert f"{100 * value:.1f}%" in report.read_text()
