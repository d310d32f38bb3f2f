"""What a walk along the road will cost, before anything of it runs.

Texts are known beforehand (lessons are drawn, exam items resolved, exactly as the run will do it), so tokens are counted;
seconds are tokens times what a token cost where it was measured, scaled by how fast this machine multiplies matrices now.
Listening and drafting are done in memory, since what is taught and examined depends on the constitution.
"""

from collections.abc import Mapping
from typing import Any

from folkmoot.concepts import concepts
from folkmoot.constitution import read_constitution
from folkmoot.crossed import resolve_all
from folkmoot.draft.config import DraftConfig
from folkmoot.draft.drafting import draft
from folkmoot.ledger import Ledger, estimated_tokens
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.opinion import analyse
from folkmoot.listen.reading import read_consultation
from folkmoot.pipeline import Arm, Request, arms, evaluate_config, train_config
from folkmoot.records import Constitution

MEASURED_GFLOPS = 420.0
"""Speed of bfloat16 matrix products where the seconds below were measured (`models.local.matrix_gflops`)."""

SECONDS_PER_TOKEN = {
    "train.supervised": 0.0060,
    "train.preference": 0.0068,
    "evaluate.exam": 0.00092,
    "evaluate.measures": 0.0087,
}
"""Fitted to the ledgers of runs at smoke; benchmarks/run_demo.py prints predicted against spent seconds."""

LOADING_S = {"train.supervised": 6.0, "train.preference": 6.0, "evaluate.exam": 1.5, "evaluate.measures": 1.0}
"""Loading and saving a model, and what the libraries do before the first step."""


def forecast(request: Request) -> dict[str, Any]:
    """Return predicted tokens, seconds and Wh by step, and the number of training runs.

    A teacher behind a URL answers at its own speed, so its time is not in it (and ``not_predicted`` says so).

    Raises:
        FolkmootError: as the run itself would, for a consultation, constitution or source that cannot be read.
    """
    ledger = Ledger()
    constitution = _constitution(request, ledger)
    if request.until in {"train", "evaluate"}:
        _book(ledger, request, constitution)
    training_runs = len(arms(request, constitution)) if request.until in {"train", "evaluate"} else 0
    left = [] if request.teacher == "written" else ["the teacher's answers, which come at its own speed"]
    return {**ledger.as_json(), "training_runs": training_runs, "not_predicted": left}


def _constitution(request: Request, ledger: Ledger) -> Constitution:
    if request.constitution is not None:
        return read_constitution(request.constitution)
    assert request.consultation is not None
    with ledger.timed("listen"):
        config = request.settings.build("listen", ListenConfig, seed=request.seed)
        opinion = analyse(read_consultation(request.consultation), config, seed=config.seed)
    with ledger.timed("draft"):
        return draft(opinion, request.sources, request.settings.build("draft", DraftConfig)).constitution


def _book(ledger: Ledger, request: Request, constitution: Constitution) -> None:
    from folkmoot.models.local import matrix_gflops, pin_threads

    pin_threads()
    slower = MEASURED_GFLOPS / matrix_gflops()
    runs = arms(request, constitution)
    loads = dict.fromkeys(SECONDS_PER_TOKEN, 0)
    for arm in runs:
        for step, tokens in _training_tokens(request, constitution, arm).items():
            ledger.spend(step, tokens=tokens)
            loads[step] += 1
    if request.until == "evaluate":
        for step, (tokens, models) in _evaluation_tokens(request, constitution, runs).items():
            ledger.spend(step, tokens=tokens)
            loads[step] += models
    for step, count in loads.items():
        if count:
            spent = ledger.steps[step]
            spent.seconds = slower * (spent.tokens * SECONDS_PER_TOKEN[step] + count * LOADING_S[step])


def _training_tokens(request: Request, constitution: Constitution, arm: Arm) -> dict[str, int]:
    from folkmoot.train.teacher import written_preferences, written_revisions
    from folkmoot.train.training import lessons_for, supervised_part

    config = train_config(request, arm)
    lessons = lessons_for(constitution, config)
    revisions = [r for lesson in supervised_part(lessons, config) for r in written_revisions(lesson)]
    preferences = [p for lesson in lessons for p in written_preferences(lesson)]
    return {
        "train.supervised": estimated_tokens(t for r in revisions for t in (r.prompt, r.revision)),
        "train.preference": estimated_tokens(t for p in preferences for t in (p.prompt, p.chosen, p.rejected)),
    }


def _evaluation_tokens(request: Request, constitution: Constitution, runs: list[Arm]) -> Mapping[str, tuple[int, int]]:
    from folkmoot.evaluate.evaluation import MEASURED_MODELS
    from folkmoot.evaluate.exam import exam_items, exam_tokens
    from folkmoot.evaluate.prompting import NearestPrinciples
    from folkmoot.evaluate.suites import reply_tokens

    config = evaluate_config(request)
    stances = constitution.stances()
    items = resolve_all(exam_items(), stances)
    turned = resolve_all(
        [i for i in exam_items() if i.concept in stances], {c: concepts()[c].opposite(s) for c, s in stances.items()}
    )
    prompting = NearestPrinciples(constitution, config.nearest_principles)
    flipped = sum(arm.control == "flipped" for arm in runs)
    tokens = (2 + len(runs)) * exam_tokens(items) + exam_tokens(items, prompting)
    tokens += 2 * flipped * exam_tokens(turned)
    return {
        "evaluate.exam": (tokens, 2 + len(runs)),
        "evaluate.measures": (MEASURED_MODELS * reply_tokens(config), MEASURED_MODELS),
    }
