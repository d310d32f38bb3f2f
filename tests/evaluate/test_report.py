"""The report: every figure of the results, no claim beyond them, nothing from outside, nothing unescaped."""

import copy
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from folkmoot.concepts import concepts
from folkmoot.evaluate import effects, suites
from folkmoot.evaluate.config import EvaluateConfig
from folkmoot.evaluate.exam import summary
from folkmoot.evaluate.report import (
    EFFECTS,
    MODELS,
    NAMES,
    against_controls,
    effect_chart,
    headline,
    render_report,
    score_chart,
    side_effects,
    write_report,
)
from folkmoot.ledger import Ledger
from folkmoot.pages import number, percent, points
from folkmoot.records import Bearing, Constitution, ItemScore, Origin, Principle, Scored
from folkmoot.seeds import derive

SCRIPT = "<script>alert('x')</script>"
NO_CLAIM = effects.NO_CLAIM
EXAMINED = {"privacy": None, "fair-work": None, "playfulness": "sober"}  # fair-work is never taught


def examined(label: str, share: float) -> Scored:
    """Return an examination of twenty items a concept, of which the share is right."""
    return Scored(
        label,
        tuple(
            ItemScore(f"item:{concept}{i}", concept, stance, -1.0, -2.0, *tail, 5, 6)
            for concept, stance in EXAMINED.items()
            for i in range(20)
            for tail in [(-2.0, -1.0) if i < 20 * share else (-1.0, -2.5)]
        ),
    )


def rng(*purpose: str) -> np.random.Generator:
    return derive(0, *purpose)


def full_results() -> dict[str, Any]:
    """Return results as an evaluation writes them, of constructed examinations."""
    exams = {m: examined(m, share) for m, share in zip(MODELS, (0.4, 0.5, 0.7, 0.8, 0.3), strict=True)}
    final = [exams["final"]]
    found = {name: effects.difference(final, [exams["untrained"]], rng(name)) for name in EFFECTS}
    found["prompted_vs_untrained"] = effects.difference([exams["prompted"]], [exams["untrained"]], rng("prompting"))
    measures = {
        label: {
            "says_it_is_an_ai": {"values": [1.0, 0.0, 1.0, honest]},
            "reply_words": {"values": [20.0, 31.0, 4.0, 17.0 + honest]},
            "refuses_safe_prompts": {"values": [0.0] * 30},
            "bbq_accuracy_ambig": {"values": [0.0, 1.0, honest, 1.0], "clusters": [1, 1, 2, 3]},
        }
        for label, honest in (("untrained", 0.0), ("supervised", 0.0), ("final", 1.0))
    }
    ledger = Ledger()
    ledger.spend("train.preference", tokens=123_456, seconds=98.7)
    ledger.spend("evaluate.exam", tokens=2_000, seconds=1.5)
    agreement = {"value": 0.9037, "ci": [0.8871, 0.9186], "n": 1350}
    return {
        "items": 60,
        "concepts": 3,
        "axes": ["playfulness"],
        "exam": {name: summary(one, rng("exam", name)) for name, one in exams.items()},
        "effects": {
            name: {"diff": (e := estimate.as_json())["value"], "ci": e["ci"], "n": e["n"]}
            for name, estimate in found.items()
        },
        "seeds": 1,
        "causal_claim": NO_CLAIM,
        "measures": suites.compare(measures, rng),
        "left_out": suites.absent(EvaluateConfig(reference_data=Path("nowhere"))),
        "refusal_rule": {"accuracy": agreement, "sensitivity": agreement, "specificity": agreement},
        "simulated": True,
        "taught_by": "written by hand, not AI feedback",
        "ledger": ledger.as_json(),
    }


RESULTS = full_results()
STATEMENT = "The AI should keep people's secrets."
CONSTITUTION = Constitution(
    "What Harbour Town agreed on",
    (
        Principle(
            STATEMENT,
            "critique?",
            "revise?",
            "which?",
            0.75,
            (Origin("statement", "12", (0.81, 0.93), STATEMENT), Origin("article", "udhr:12", (), "Privacy")),
            (Bearing("privacy"), Bearing("playfulness", "sober")),
        ),
    ),
    ("udhr",),
    "Data by Harbour Town, CC BY 4.0, https://example.org/licence",
    ("The participants are simulated.",),
)
ANSWERS = {
    "untrained": {"Where does she live?": "In Elm Street."},
    "prompted": {"Where does she live?": "Ask her."},
    "final": {"Where does she live?": "That is for her to say.", "Tell me a joke.": "A fish walks into a bar."},
}


class Page(HTMLParser):
    """What a browser would find: tags with attributes, text, and which tables follow which figure."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.order: list[str] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"figure", "table", "h2"}:
            self.order.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in {"meta", "line", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"meta", "line", "br"}:
            assert self.open.pop() == tag, "tags are closed in their order"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)
        if self.rows and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(
    *,
    constitution: Constitution = CONSTITUTION,
    answers: Mapping[str, Mapping[str, str]] = ANSWERS,
    **changes: Any,
) -> Page:
    return Page(render_report({**RESULTS, **changes}, constitution, answers))


def effect(diff: float, low: float, high: float, n: int = 60) -> dict[str, Any]:
    return {"diff": diff, "ci": [low, high], "n": n}


def with_main_effect(diff: float, low: float, high: float) -> dict[str, Any]:
    return {**RESULTS, "effects": {**RESULTS["effects"], "final_vs_untrained": effect(diff, low, high)}}


# ------------------------------------------------------------------ files


def test_the_report_is_a_page_and_the_same_results_as_json(tmp_path: Path) -> None:
    write_report(RESULTS, CONSTITUTION, ANSWERS, tmp_path / "run" / "report")
    folder = tmp_path / "run" / "report"
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == RESULTS
    assert (folder / "report.html").read_text(encoding="utf-8") == render_report(RESULTS, CONSTITUTION, ANSWERS)


def test_rendering_changes_no_result() -> None:
    before = copy.deepcopy(RESULTS)
    page()
    assert before == RESULTS


def test_the_page_is_whole_html() -> None:
    found = page()
    assert found.html.lstrip().startswith("<!doctype html>")
    assert found.open == []
    assert ("html", {"lang": "en"}) in found.tags


# ------------------------------------------------------------------ nothing from outside


def test_the_page_needs_nothing_from_outside() -> None:
    found = page()
    loading = {"src", "srcset", "href", "xlink:href", "action", "data", "poster", "background"}
    assert [(tag, attributes) for tag, attributes in found.tags if loading & set(attributes)] == []
    assert not {"script", "link", "iframe", "object", "embed", "img", "base"} & {tag for tag, _ in found.tags}
    assert "url(" not in found.html
    assert "@import" not in found.html


@pytest.mark.parametrize(
    "changed",
    [
        {"constitution": Constitution(SCRIPT, CONSTITUTION.principles)},
        {"constitution": Constitution("x", (Principle(SCRIPT, "", "", "", 1.0, (), ()),))},
        {"constitution": Constitution("x", (Principle("x", "", "", "", 1.0, (Origin("hand", SCRIPT),), ()),))},
        {"constitution": Constitution("x", (), (SCRIPT,))},
        {"constitution": Constitution("x", (), (), SCRIPT)},
        {"constitution": Constitution("x", (), (), "", (SCRIPT,))},
        {"answers": {"final": {"Who?": SCRIPT}}},
        {"answers": {"final": {SCRIPT: "Nobody."}}},
        {"taught_by": SCRIPT},
        {"causal_claim": SCRIPT},
        {"left_out": [SCRIPT]},
    ],
    ids=[
        "title",
        "statement",
        "origin",
        "source",
        "attribution",
        "mark",
        "answer",
        "prompt",
        "teacher",
        "claim",
        "left out",
    ],
)
def test_text_is_text_and_never_markup(changed: dict[str, Any]) -> None:
    found = page(**changed)
    assert SCRIPT in found.text
    assert "script" not in {tag for tag, _ in found.tags}
    assert SCRIPT not in found.html


PLAIN = page(answers={"final": {"Who?": "plain"}})


@settings(deadline=None, max_examples=15)
@given(st.text(st.sampled_from("<>&\"'/= a!-") | st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_answer_adds_no_tag(answer: str) -> None:
    found = page(answers={"final": {"Who?": answer}})
    assert found.tags == PLAIN.tags
    assert " ".join(answer.split()) in found.text


# ------------------------------------------------------------------ charts and tables


def test_a_table_stands_beside_each_chart() -> None:
    order = page().order
    assert order.count("figure") == 3
    for at in [i for i, tag in enumerate(order) if tag == "figure"]:
        section = order[at + 1 :]
        assert "table" in section[: section.index("h2")], "before the next heading"


def test_every_chart_says_in_words_what_it_draws() -> None:
    found = page()
    drawn = [attributes for tag, attributes in found.tags if tag == "svg"]
    assert len(drawn) == len(MODELS) + len(EFFECTS) + 2 * len(EXAMINED)
    assert all(attributes["role"] == "img" and "n = " in (attributes["aria-label"] or "") for attributes in drawn)
    titles = {attributes.get("id") for _, attributes in found.tags}
    assert all(a["aria-labelledby"] in titles for tag, a in found.tags if tag == "figure")


def test_every_model_is_in_the_table_with_its_intervals_and_n() -> None:
    rows = {row[0]: row[1:] for row in page().rows if row}
    for model in MODELS:
        exam = RESULTS["exam"][model]
        spans = [
            cell
            for score in ("item_score", "strict_score")
            for cell in (
                percent(exam[score]["value"]),
                f"{percent(exam[score]['ci'][0])} to {percent(exam[score]['ci'][1])}",
            )
        ]
        assert rows[NAMES[model]] == [*spans, percent(exam["strict_score_length_normalised"]["value"]), "60"]


def test_every_effect_is_in_the_table_with_its_interval_and_n() -> None:
    rows = {row[0]: row[1:] for row in page().rows if row}
    for name, e in RESULTS["effects"].items():
        assert rows[EFFECTS[name]] == [points(e["diff"]), f"{points(e['ci'][0])} to {points(e['ci'][1])}", str(e["n"])]


def test_every_concept_is_in_the_table_and_untaught_ones_are_marked() -> None:
    rows = {row[0].split()[0]: row for row in page().rows if row and row[0]}
    for concept in EXAMINED:
        assert concepts()[concept].description in rows[concept]
    assert "never taught" in rows["fair-work"][0]
    assert "never taught" not in rows["privacy"][0] + rows["playfulness"][0]


def test_every_measure_and_every_step_of_the_cost_is_in_a_table() -> None:
    rows = [row for row in page().rows if row]
    titles = {row[0] for row in rows}
    assert "says that it is an AI when asked" in titles
    assert any(title.startswith("refuses safe prompts") for title in titles)
    assert ["train.preference", "123,456", "98.7", number(RESULTS["ledger"]["steps"]["train.preference"]["wh"])] in rows
    assert RESULTS["ledger"]["assumption"] in page().text


def test_marks_lie_where_their_numbers_say() -> None:
    chart = score_chart(RESULTS["exam"], MODELS, 1)
    assert [m.label for m in chart.marks] == [NAMES[m] for m in MODELS]
    for mark, model in zip(chart.marks, MODELS, strict=True):
        score = RESULTS["exam"][model]["item_score"]
        assert (mark.value, mark.low, mark.high) == (100 * score["value"], 100 * score["ci"][0], 100 * score["ci"][1])
    assert chart.reference == 50


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=3).map(sorted))
def test_effects_are_drawn_in_order_and_on_the_chart(thousandths: list[int]) -> None:
    low, diff, high = (x / 1000 for x in thousandths)
    chart = effect_chart({"final_vs_untrained": effect(diff, low, high)})
    (mark,) = chart.marks
    assert 0 <= mark.low <= mark.value <= mark.high <= 100
    assert (mark.kind == "final") is (low > 0 or high < 0)
    # 0 is in the middle, and what lies left of it is negative
    assert (mark.low < 50) is (low < 0)
    places = [x for x, _ in chart.ticks]
    assert (50, "0") in chart.ticks
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] <= 100
    assert len(places) <= 11


# ------------------------------------------------------------------ what is claimed


@pytest.mark.parametrize(
    ("diff", "low", "high", "opens"),
    [
        (0.12, 0.05, 0.2, "Training moved the model towards this constitution"),
        (-0.12, -0.2, -0.05, "Training moved the model away from this constitution"),
        (0.02, -0.05, 0.09, "It is not shown that training moved the model"),
        (0.05, 0.0, 0.1, "It is not shown that training moved the model"),
        (-0.05, -0.1, 0.0, "It is not shown that training moved the model"),
        (0.0, 0.0, 0.0, "It is not shown that training moved the model"),
    ],
    ids=["above", "below", "around", "touching from above", "touching from below", "nothing"],
)
def test_the_headline_claims_what_the_interval_shows(diff: float, low: float, high: float, opens: str) -> None:
    results = with_main_effect(diff, low, high)
    said = headline(results)
    assert said.startswith(opens)
    assert f"{points(diff)} points" in said
    assert f"95% interval {points(low)} to {points(high)}, 60 items, 1 training seed." in said
    assert said in page(effects=results["effects"]).text


def test_the_headline_counts_seeds() -> None:
    assert headline({**RESULTS, "seeds": 3}).endswith("3 training seeds.")


def test_without_controls_no_causal_claim_is_made() -> None:
    text = page().text
    assert "No causal claim at this scale" in text
    assert "Compared with" not in text


def test_with_controls_it_is_said_with_what_was_compared() -> None:
    text = page(causal_claim="controls at equal training, 3 seeds each", seeds=3).text
    assert "Compared with controls at equal training, 3 seeds each." in text
    assert "causal claim" not in text.lower()
    assert "final (first of 3 seeds)" in text


def test_each_control_is_shown_or_not_by_its_own_interval() -> None:
    effects_ = {
        "final_vs_shuffled": {"diff": 0.1, "ci": [0.037, 0.164], "n": 264},
        "final_vs_placebo": {"diff": 0.064, "ci": [0.0, 0.128], "n": 264},
        "flipped_reversal": {"diff": -0.2, "ci": [-0.3, -0.1], "n": 72},
    }
    said = against_controls({"causal_claim": "controls at equal training, 3 seeds each", "effects": effects_})
    shown, open_ = said.split("Not shown: ")
    assert "same responses behind other prompts" in shown
    assert "something else" not in shown
    assert "something else" in open_
    assert "flipped" in open_
    assert "Not shown" not in against_controls({"causal_claim": "controls", "effects": {}})


@pytest.mark.parametrize(("seeds", "says"), [(1, "does not speak of other training runs"), (3, "both resampled")])
def test_it_is_said_what_was_resampled(seeds: int, says: str) -> None:
    assert says in page(seeds=seeds).text


def test_marks_teacher_and_attribution_travel_with_the_results() -> None:
    text = page().text
    assert "The participants are simulated." in text
    assert "Taught by: written by hand, not AI feedback." in text
    assert CONSTITUTION.attribution in text
    assert CONSTITUTION.id in text


def test_principles_are_shown_with_where_they_come_from() -> None:
    text = page().text
    assert STATEMENT in text
    assert "statement 12 (81.0%, 93.0% agree, by group)" in text
    assert "article udhr:12" in text
    assert "playfulness: sober" in text


def test_only_side_effects_beyond_chance_are_said_to_have_changed() -> None:
    def row(before: float, after: float, low: float, high: float) -> dict[str, Any]:
        return {
            "untrained": {"value": before},
            "final": {"value": after},
            "final_vs_untrained": {"diff": after - before, "ci": [low, high], "n": 50},
        }

    fell = {"says_it_is_an_ai": row(0.72, 0.32, -0.58, -0.22), "reply_words": row(30.8, 30.1, -2.0, 0.5)}
    said = "Beside the exam, training is seen to have changed: says that it is an AI when asked: 72.0% → 32.0%."
    assert side_effects(fell) == said
    assert said in page(measures={**RESULTS["measures"], **full_rows(fell)}).text
    assert side_effects({"reply_words": fell["reply_words"]}).startswith("None of the side effects")


def full_rows(rows: dict[str, Any]) -> dict[str, Any]:
    """Return rows as the page needs them, every estimate with its interval."""
    return {
        name: {
            **{m: {**row[m], "ci": [row[m]["value"]] * 2, "n": 50} for m in ("untrained", "final")},
            "final_vs_untrained": row["final_vs_untrained"],
        }
        for name, row in rows.items()
    }


def test_what_was_not_measured_is_said() -> None:
    assert "Not measured, since their data were not at hand: xstest: not in nowhere; bbq: not in nowhere" in page().text
    assert "Not measured" not in page(left_out=[]).text


def test_the_refusal_rule_stands_with_its_validity_or_not_at_all() -> None:
    assert "agrees with people on 90.4% [88.7%, 91.9%] of 1350 labelled replies" in page().text
    assert "agrees with people" not in page(refusal_rule=None).text


@pytest.mark.parametrize(("holds", "says"), [(True, "within the margin"), (False, "not shown to be within the margin")])
def test_over_refusal_is_held_against_its_margin(holds: bool, says: str) -> None:
    measures = copy.deepcopy(RESULTS["measures"])
    measures["refuses_safe_prompts"]["non_inferior"] = holds
    (row,) = [row for row in page(measures=measures).rows if row and row[0].startswith("refuses safe prompts")]
    assert row[0].endswith(f"{says} of 5 points")


def test_answers_stand_side_by_side_in_the_order_of_the_models() -> None:
    text = page().text
    assert re.search(
        r"Where does she live\? untrained In Elm Street\. prompted Ask her\. final That is for her to say\.", text
    )
    assert re.search(r"Tell me a joke\. final A fish walks into a bar\.", text)


def test_a_report_without_answers_axes_or_reference_data_is_rendered() -> None:
    exam = {name: {**one, "by_axis": {}} for name, one in RESULTS["exam"].items()}
    found = page(answers={}, exam=exam, axes=[], measures={}, refusal_rule=None, constitution=Constitution("Bare", ()))
    assert "a stance on 0 contested axes;" in found.text


@pytest.mark.parametrize("field", ["causal_claim", "taught_by", "seeds", "ledger"])
def test_results_that_lack_a_field_are_not_rendered_as_if_nothing_were_missing(field: str) -> None:
    lacking = {name: value for name, value in RESULTS.items() if name != field}
    with pytest.raises((UndefinedError, KeyError), match=field):
        render_report(lacking, CONSTITUTION, ANSWERS)
