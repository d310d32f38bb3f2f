"""The evaluation stage: the exam for every model, its floor, the effects, the measures without a judge, the report."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from folkmoot.concepts import concepts
from folkmoot.crossed import WrittenItem, resolve_all
from folkmoot.evaluate import effects, suites
from folkmoot.evaluate.config import EvaluateConfig
from folkmoot.evaluate.exam import Prompting, exam_tokens, sit, summary, without_constitution
from folkmoot.evaluate.floor import bag_of_words_floor
from folkmoot.evaluate.prompting import NearestPrinciples
from folkmoot.lineage import Role
from folkmoot.models.chat import ask
from folkmoot.models.local import LocalModel, pin_threads
from folkmoot.records import Constitution, CrossedItem, Estimate, ItemScore, Preference, Scored, content_id
from folkmoot.runs import Run
from folkmoot.seeds import derive, derive_seed

Progress = Callable[[str, int, int], None]
MEASURED_MODELS = 3
"""Models whose side effects are measured: untrained, supervised, final."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The models of one training run.

    Attributes:
        arm: "constitution", or the control: "shuffled", "placebo", "flipped"; or "without" (concepts withheld).
        seed: training seed.
        supervised: folder after the supervised stage, for the arm "constitution".
        withheld: concepts withheld, for the arm "without".
        preferences: what the floor learns from, for the arm "constitution".
    """

    arm: str
    seed: int
    final: Path
    supervised: Path | None = None
    withheld: tuple[str, ...] = ()
    preferences: tuple[Preference, ...] = ()

    @property
    def label(self) -> str:
        """Name of the run in scores and tables."""
        if self.withheld:
            return f"without {', '.join(self.withheld)}, seed {self.seed}"
        return f"{self.arm}, seed {self.seed}"


def evaluate(
    run: Run,
    constitution: Constitution,
    untrained: Path,
    trained: Sequence[Trained],
    *,
    exam: Sequence[WrittenItem],
    config: EvaluateConfig,
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Examine the untrained and the trained models by `constitution` and write the results into `run`.

    Artefacts: ``scores.jsonl`` (four log-probabilities per item and model), ``results.json`` (what the report shows),
    ``answers.json``. The run is left unsealed, for the report to be written. Killed half-way, it keeps every exam that was
    sat to the end.

    Returns:
        The results, as in ``results.json``.
    """
    pin_threads(config.threads)
    stances = constitution.stances()
    items = resolve_all(exam, stances)
    flipped_items = resolve_all(
        [i for i in exam if i.concept in stances], {c: concepts()[c].opposite(s) for c, s in stances.items()}
    )
    hall = _Hall(run, config, progress, _models_to_load(untrained, trained))
    main = [t for t in trained if t.arm == "constitution"]
    first = main[0]

    with hall.model(untrained, "untrained") as model:
        untrained_scored = hall.sit(model, items, "untrained")
        prompted_scored = hall.sit(model, items, "prompted", NearestPrinciples(constitution, config.nearest_principles))
        hall.measure(model, "untrained", constitution)
    assert first.supervised is not None
    with hall.model(first.supervised, "supervised") as model:
        supervised_scored = hall.sit(model, items, "supervised")
        hall.measure(model, "supervised", constitution)
    scored: dict[str, list[Scored]] = {}
    on_flipped: dict[str, list[Scored]] = {}
    for t in trained:
        with hall.model(t.final, t.label) as model:
            scored.setdefault(t.arm, []).append(hall.sit(model, items, t.label))
            if flipped_items and t.arm in {"constitution", "flipped"} and "flipped" in {x.arm for x in trained}:
                on_flipped.setdefault(t.arm, []).append(hall.sit(model, flipped_items, f"{t.label}, flipped exam"))
            if t is first:
                hall.measure(model, "final", constitution)

    def rng(*purpose: str) -> np.random.Generator:
        return derive(config.seed, "evaluate", *purpose)

    floor = bag_of_words_floor(first.preferences, items, seed=derive_seed(config.seed, "floor") % 2**32)
    final_scored = scored["constitution"][0]
    exams = {
        "untrained": untrained_scored,
        "prompted": prompted_scored,
        "supervised": supervised_scored,
        "final": final_scored,
        "floor": floor,
    }
    results: dict[str, Any] = {
        "items": len(items),
        "concepts": len({i.concept for i in items}),
        "axes": sorted(stances),
        "exam": {name: summary(one, rng("exam", name)) for name, one in exams.items()},
        "effects": _effects(exams, scored, on_flipped, [t for t in trained if t.withheld], rng),
        "seeds": len(main),
        "causal_claim": _causal_claim(scored),
        "measures": suites.compare(hall.measures, rng),
        "left_out": suites.absent(config),
        "refusal_rule": suites.refusal_rule_validity(config.reference_data / "xstest")
        if config.reference_data is not None and (config.reference_data / "xstest").is_dir()
        else None,
        "simulated": any("simulated" in mark.lower() for mark in constitution.marks),
    }
    _write(run, results, [*exams.values(), *(s for many in scored.values() for s in many[:])], hall.answers)
    _describe(run, constitution, items, untrained_scored, final_scored)
    return results


@dataclass(slots=True)
class _Hall:
    """Where exams are sat: every finished sitting is an event of the run and is not sat again."""

    run: Run
    config: EvaluateConfig
    progress: Progress
    models: int
    done: int = 0
    measures: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    answers: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)

    def model(self, folder: Path, label: str) -> "_Lazy":
        self.progress(f"examining {label}", self.done, self.models)
        self.done += 1
        return _Lazy(folder, label)

    def sit(
        self, model: "_Lazy", items: Sequence[CrossedItem], label: str, prompting: Prompting = without_constitution
    ) -> Scored:
        stored = self.run.events("sitting").get(label)
        if stored is None:
            with self.run.ledger.timed("evaluate.exam"):
                scored = sit(model.loaded(), items, label=label, prompting=prompting)
            self.run.ledger.spend("evaluate.exam", tokens=exam_tokens(items, prompting))
            stored = {"scores": [dataclasses.asdict(s) for s in scored.scores]}
            self.run.record("sitting", label, **stored)
            self.run.ledger.check()
        return Scored(label, tuple(ItemScore(**s) for s in stored["scores"]))

    def measure(self, model: "_Lazy", label: str, constitution: Constitution) -> None:
        stored = self.run.events("measures").get(label)
        if stored is None:
            with self.run.ledger.timed("evaluate.measures"):
                stored = {
                    "measures": suites.measure(model.loaded(), self.config),
                    "answers": _answers(model.loaded(), label, constitution, self.config),
                }
            self.run.ledger.spend("evaluate.measures", tokens=suites.reply_tokens(self.config))
            self.run.record("measures", label, **stored)
            self.run.ledger.check()
        self.measures[label] = stored["measures"]
        self.answers.update(stored["answers"])


@dataclass(slots=True)
class _Lazy:
    """A model that is loaded when it is first needed and let go at the end of its block."""

    folder: Path
    label: str
    held: LocalModel | None = None

    def loaded(self) -> LocalModel:
        if self.held is None:
            self.held = LocalModel.load(self.folder, name=self.label)
        return self.held

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.held = None


def _models_to_load(untrained: Path, trained: Sequence[Trained]) -> int:
    return len({untrained}) + sum(1 + (t.supervised is not None) for t in trained)


def _answers(
    model: LocalModel, label: str, constitution: Constitution, config: EvaluateConfig
) -> dict[str, dict[str, str]]:
    """Return sampled answers by label and prompt; the untrained model also answers with its principles before it."""
    from folkmoot.evaluate.exam import exam_items

    pool = [i for i in exam_items() if not concepts()[i.concept].contested or i.concept in constitution.stances()]
    chosen = derive(config.seed, "evaluate.answers").permutation(len(pool))[: config.answers]
    prompts = [pool[int(i)].prompt_open or pool[int(i)].prompt_a for i in chosen]
    settings: dict[str, Prompting] = {label: without_constitution}
    if label == "untrained":
        settings["prompted"] = NearestPrinciples(constitution, config.nearest_principles)
    return {
        name: dict(
            zip(
                prompts,
                model.generate([ask(p, system=prompting(p)) for p in prompts], max_new_tokens=config.answer_tokens),
                strict=True,
            )
        )
        for name, prompting in settings.items()
    }


def _effects(
    exams: Mapping[str, Scored],
    scored: Mapping[str, Sequence[Scored]],
    on_flipped: Mapping[str, Sequence[Scored]],
    withheld: Sequence[Trained],
    rng: Callable[..., np.random.Generator],
) -> dict[str, Any]:
    final = scored["constitution"]
    untaught = {c.id for c in concepts().values() if not c.taught}
    found: dict[str, Estimate] = {
        "final_vs_untrained": effects.difference(final, [exams["untrained"]], rng("untrained")),
        "final_vs_untrained_strict": effects.difference(
            final, [exams["untrained"]], rng("strict"), measure=effects.strict_score
        ),
        "final_vs_prompted": effects.difference(final, [exams["prompted"]], rng("prompted")),
        "final_vs_supervised": effects.difference(final[:1], [exams["supervised"]], rng("supervised")),
        "final_vs_floor": effects.difference(final, [exams["floor"]], rng("floor")),
        "final_vs_floor_strict": effects.difference(
            final, [exams["floor"]], rng("floor-strict"), measure=effects.strict_score
        ),
        "prompted_vs_untrained": effects.difference([exams["prompted"]], [exams["untrained"]], rng("prompting")),
    }
    examined = {s.concept for s in exams["untrained"].scores}
    if untaught & examined:
        found["transfer_to_untaught"] = effects.difference(
            final, [exams["untrained"]], rng("transfer"), concepts=untaught
        )
    for control in ("shuffled", "placebo"):
        if control in scored:
            found[f"final_vs_{control}"] = effects.difference(final, scored[control], rng(control))
    if on_flipped:
        found["flipped_reversal"] = effects.reversal(
            final, scored["flipped"], on_flipped["constitution"], on_flipped["flipped"], rng("flipped")
        )
    if withheld:
        without = scored["without"]
        found["withheld_concepts"] = effects.left_out(
            {t.label: final[0] for t in withheld},
            {t.label: (t.withheld, s) for t, s in zip(withheld, without, strict=True)},
            rng("withheld"),
        )
    return {name: estimate.as_effect() for name, estimate in found.items()}


def _causal_claim(scored: Mapping[str, Sequence[Scored]]) -> str:
    seeds = min((len(scored.get(arm, ())) for arm in ("constitution", "shuffled", "placebo", "flipped")), default=0)
    if seeds >= 3:
        return f"controls at equal training, {seeds} seeds each"
    return effects.NO_CLAIM


def _write(
    run: Run, results: Mapping[str, Any], sittings: Sequence[Scored], answers: Mapping[str, Mapping[str, str]]
) -> None:
    def dump(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    (run.artefacts / "results.json").write_text(dump(results), encoding="utf-8")
    (run.artefacts / "answers.json").write_text(dump(answers), encoding="utf-8")
    unique = {s.label: s for s in sittings}
    lines = [
        json.dumps({"model": label, **dataclasses.asdict(score)}, sort_keys=True)
        for label, scored in unique.items()
        for score in scored.scores
    ]
    (run.artefacts / "scores.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _describe(
    run: Run, constitution: Constitution, items: Sequence[CrossedItem], before: Scored, after: Scored
) -> None:
    bearing: dict[str, list[str]] = {}
    for principle in constitution.principles:
        for concept in dict.fromkeys(b.concept for b in principle.bearings):
            bearing.setdefault(concept, []).append(principle.id)
    was = {s.item_id: s for s in before.scores}
    now = {s.item_id: s for s in after.scores}
    for item in items:
        run.describe(
            item.id,
            "exam item",
            f"{item.concept}: {item.prompt_a}",
            concept=item.concept,
            stance=item.stance,
            item_score_before=was[item.id].item_score,
            item_score_after=now[item.id].item_score,
            crossed_difference_nats_before=round(was[item.id].crossed, 3),
            crossed_difference_nats_after=round(now[item.id].crossed, 3),
            note="association, not causal",
        )
        for principle_id in bearing.get(item.concept, ()):
            run.link(item.id, principle_id, Role.EXAMINES)
    score = content_id("score", [constitution.id, [dataclasses.asdict(s) for s in after.scores]])
    run.describe(score, "score", "item scores of the final model")
    for item in items:
        run.link(score, item.id, Role.SCORES)
