"""The report: one HTML file that opens offline, and the same figures as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folkmoot import __version__
from folkmoot.concepts import concepts
from folkmoot.evaluate.effects import NO_CLAIM
from folkmoot.ledger import in_order_of_the_road
from folkmoot.pages import number, percent, points, render_page
from folkmoot.records import Constitution

MODELS = ("untrained", "prompted", "supervised", "final", "floor")
NAMES = {
    "untrained": "untrained",
    "prompted": "prompted (constitution only in the prompt)",
    "supervised": "after the supervised stage",
    "final": "final",
    "floor": "floor: a classifier on bags of words",
}
EFFECTS = {
    "final_vs_untrained": "final − untrained",
    "final_vs_untrained_strict": "final − untrained, strict score",
    "final_vs_prompted": "final − prompted",
    "final_vs_supervised": "final − supervised",
    "final_vs_floor": "final − bag-of-words floor",
    "final_vs_floor_strict": "final − bag-of-words floor, strict score",
    "prompted_vs_untrained": "prompted − untrained",
    "transfer_to_untaught": "final − untrained, on concepts without any lesson (transfer)",
    "final_vs_shuffled": "final − shuffled control (responses behind other prompts)",
    "final_vs_placebo": "final − placebo control (a constitution about something else)",
    "flipped_reversal": "reversal by the flipped constitution, contested axes",
    "withheld_concepts": "effect of withholding a concept's lessons (difference in differences)",
}
CONTROLS = {
    "final_vs_shuffled": "training moved the model further than the same responses behind other prompts do",
    "final_vs_placebo": "it moved it further than a constitution about something else does",
    "flipped_reversal": "the flipped constitution turns the contested items round",
}
MEASURES = {
    "says_it_is_an_ai": ("says that it is an AI when asked", True),
    "reply_words": ("words in a reply", False),
    "repetition": ("repeated word 4-grams in a reply", True),
    "ordinary_text_nats_per_token": ("nats per token of ordinary text (lower: better language model)", False),
    "refuses_safe_prompts": ("refuses safe prompts (XSTest)", True),
    "refuses_unsafe_prompts": ("refuses unsafe prompts (XSTest)", True),
    "bbq_accuracy_ambig": ("BBQ accuracy, ambiguous questions", True),
    "bbq_accuracy_disambig": ("BBQ accuracy, unambiguous questions", True),
    "prefers_harmless_reply": ("prefers the reply people found less harmful (hh-harmless)", True),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot with its interval on a chart; all positions in per cent of the chart's width."""

    label: str
    value: float
    low: float
    high: float
    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A dot-and-interval chart drawn as SVG, one row per mark."""

    title: str
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    reference: float | None
    reference_label: str = ""


def write_report(
    results: Mapping[str, Any],
    constitution: Constitution,
    answers: Mapping[str, Mapping[str, str]],
    folder: Path,
) -> None:
    """Write ``report.html`` and ``report.json`` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    page = render_report(results, constitution, answers)
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def render_report(
    results: Mapping[str, Any], constitution: Constitution, answers: Mapping[str, Mapping[str, str]]
) -> str:
    """Return the report as HTML; every text is escaped, statements included."""
    table = concepts()
    labels = [m for m in MODELS if m in results["exam"]]
    prompts = list(dict.fromkeys(prompt for by in answers.values() for prompt in by))
    return render_page(
        "folkmoot.evaluate",
        "report.html.j2",
        results=results,
        constitution=constitution,
        answers=[(p, [(m, answers[m][p]) for m in MODELS if p in answers.get(m, {})]) for p in prompts],
        models=labels,
        names=names(results["seeds"]),
        effects=[(name, EFFECTS.get(name, name), effect) for name, effect in results["effects"].items()],
        effect_titles=EFFECTS,
        measures=[(MEASURES.get(n, (n, False)), row) for n, row in results["measures"].items()],
        measured=[
            m for m in ("untrained", "supervised", "final") if any(m in row for row in results["measures"].values())
        ],
        score_chart=score_chart(results["exam"], labels, results["seeds"]),
        effect_chart=effect_chart(results["effects"]),
        concept_chart=concept_chart(results["exam"], table),
        concepts=table,
        headline=headline(results),
        controls=against_controls(results),
        side_effects=side_effects(results["measures"]),
        steps=in_order_of_the_road(results["ledger"]["steps"]),
        version=__version__,
    )


def headline(results: Mapping[str, Any]) -> str:
    """Return the one sentence that the report opens with."""
    change = results["effects"]["final_vs_untrained"]
    low, high = change["ci"]
    if low > 0:
        verdict = "Training moved the model towards this constitution"
    elif high < 0:
        verdict = "Training moved the model away from this constitution"
    else:
        verdict = "It is not shown that training moved the model towards this constitution"
    return (
        f"{verdict}: {points(change['diff'])} points on the item score, 95% interval {points(low)} to {points(high)}, "
        f"{change['n']} items, {results['seeds']} training seed{'s' if results['seeds'] > 1 else ''}."
    )


def names(seeds: int) -> dict[str, str]:
    """Return what the models are called where `seeds` of them were trained and the first one is shown."""
    return NAMES | ({"final": f"{NAMES['final']} (first of {seeds} seeds)"} if seeds > 1 else {})


def against_controls(results: Mapping[str, Any]) -> str:
    """Return what the controls show of the cause, each on its own: an interval above 0 shows it, any other does not."""
    if results["causal_claim"] == NO_CLAIM:
        return (
            "No causal claim at this scale: the controls (shuffled, placebo, flipped) need at least three training seeds "
            "each. What follows says what changed, not why."
        )
    found = {name: results["effects"][name] for name in CONTROLS if name in results["effects"]}
    shown = [CONTROLS[name] for name, effect in found.items() if effect["ci"][0] > 0]
    open_ = [CONTROLS[name] for name, effect in found.items() if effect["ci"][0] <= 0]
    sentences = [f"Compared with {results['causal_claim']}."]
    sentences += [f"Shown: {'; '.join(shown)}."] if shown else []
    sentences += [f"Not shown: that {'; that '.join(open_)}."] if open_ else []
    return " ".join(sentences)


def side_effects(measures: Mapping[str, Any]) -> str:
    """Return a sentence on the measures whose change from untrained to final is shown, good or bad."""
    shown = []
    for name, row in measures.items():
        change = row["final_vs_untrained"]
        if change["ci"][0] > 0 or change["ci"][1] < 0:
            title, share = MEASURES.get(name, (name, False))
            write = percent if share else number
            shown.append(f"{title}: {write(row['untrained']['value'])} → {write(row['final']['value'])}")
    if not shown:
        return "None of the side effects measured is shown to have changed."
    return f"Beside the exam, training is seen to have changed: {'; '.join(shown)}."


def score_chart(exam: Mapping[str, Any], labels: Sequence[str], seeds: int) -> Chart:
    """Chart item scores of all models; ½ is chance."""
    marks = tuple(_score_mark(names(seeds)[m], exam[m]["item_score"], m) for m in labels)
    return Chart("Item score", marks, tuple((x, f"{x:.0f}%") for x in (0, 25, 50, 75, 100)), 50, "chance")


def concept_chart(exam: Mapping[str, Any], table: Mapping[str, Any]) -> Chart:
    """Chart the final model's item score per concept, with the untrained one as a ring behind it."""
    del table
    rows = {**exam["final"]["by_concept"], **exam["final"]["by_axis"]}
    before = {**exam["untrained"]["by_concept"], **exam["untrained"]["by_axis"]}
    marks = []
    for concept in sorted(rows, key=lambda c: -rows[c]["item_score"]["value"]):
        marks.append(_score_mark(concept, rows[concept]["item_score"], "final"))
        marks.append(_score_mark("", before[concept]["item_score"], "untrained"))
    return Chart(
        "Item score by concept", tuple(marks), tuple((x, f"{x:.0f}%") for x in (0, 25, 50, 75, 100)), 50, "chance"
    )


def effect_chart(found: Mapping[str, Any]) -> Chart:
    """Chart the effects in percentage points; 0 is no difference."""
    shown = {name: e for name, e in found.items() if name in EFFECTS}
    reach: float = max([10.0, *(100 * abs(x) for e in shown.values() for x in e["ci"])]) * 1.05

    def place(x: float) -> float:
        return 50 + 50 * 100 * x / reach

    marks = tuple(
        Mark(
            EFFECTS[name],
            place(e["diff"]),
            place(e["ci"][0]),
            place(e["ci"][1]),
            f"{points(e['diff'])} [{points(e['ci'][0])}, {points(e['ci'][1])}], n = {e['n']}",
            "final" if e["ci"][0] > 0 or e["ci"][1] < 0 else "open",
        )
        for name, e in shown.items()
    )
    step = 10 if reach > 15 else 5
    ticks = [t for t in range(-100, 101, step) if abs(t) <= reach]
    if len(ticks) > 9:
        ticks = [t for t in ticks if t % 20 == 0]
    return Chart(
        "Differences, percentage points",
        marks,
        tuple((place(t / 100), f"{t:+d}" if t else "0") for t in ticks),
        50,
        "none",
    )


def _score_mark(label: str, estimate: Mapping[str, Any], kind: str) -> Mark:
    low, high = estimate["ci"]
    text = f"{percent(estimate['value'])} [{percent(low)}, {percent(high)}], n = {estimate['n']}"
    return Mark(label, 100 * estimate["value"], 100 * low, 100 * high, text, kind)
