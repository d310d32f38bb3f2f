"""The road: listen -> draft -> train -> evaluate.

Every stage reads sealed records and writes a run directory of its own inside `out`; a sealed one is reused, an unsealed
one is resumed. What a training arm changes is written down in `arms`; everything else is the same for all of them.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from folkmoot.config import Settings, read_settings
from folkmoot.constitution import read_constitution, write_constitution
from folkmoot.crossed import read_items, resolve_all
from folkmoot.draft.config import DraftConfig
from folkmoot.draft.drafting import Draft, adopted, draft
from folkmoot.draft.render import constitution_markdown, left_out_markdown
from folkmoot.draft.sources import load_source
from folkmoot.errors import FolkmootError, UsageError
from folkmoot.ledger import Ledger
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.opinion import analyse
from folkmoot.listen.reading import is_reference, read_consultation, shown_reference
from folkmoot.models.library import EMBEDDED, resolve_model
from folkmoot.opinion_file import read_opinion, write_opinion
from folkmoot.records import Constitution, Preference, Scored
from folkmoot.runs import Input, Run, open_run
from folkmoot.seeds import derive

if TYPE_CHECKING:
    from folkmoot.evaluate.config import EvaluateConfig
    from folkmoot.evaluate.evaluation import Trained
    from folkmoot.train.config import TrainConfig

STAGES = ("listen", "draft", "train", "evaluate")
Progress = Callable[[str, int, int], None]
Say = Callable[[str], None]
_SEEDS = {"smoke": 1, "small": 3, "full": 5}
_FOLDS = 3


class Request(BaseModel):
    """What one walk along the road is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    consultation: str | Path | None = None
    constitution: Path | None = None
    sources: tuple[str, ...] = ("udhr",)
    student: str = "smollm2"
    teacher: str = "written"
    scale: Literal["smoke", "small", "full"] = "smoke"
    out: Path
    until: Literal["listen", "draft", "train", "evaluate"] = "evaluate"
    seed: int = Field(default=0, ge=0)
    seeds: int | None = Field(default=None, ge=1)
    reference_data: Path | None = None
    settings: Settings = Field(default_factory=Settings)
    budget_s: float | None = None
    budget_tokens: int | None = None
    fresh: bool = False

    @model_validator(mode="after")
    def _starts_somewhere(self) -> "Request":
        if self.consultation is None and self.constitution is None:
            raise ValueError("give a --consultation or a --constitution to start from")
        if self.consultation is not None and self.constitution is not None:
            raise ValueError("give either a --consultation or a --constitution to start from, not both")
        return self


@dataclasses.dataclass(frozen=True, slots=True)
class Arm:
    """One training run: the constitution itself, a control, or the constitution with concepts withheld."""

    control: Literal["none", "shuffled", "placebo", "flipped"]
    seed: int
    leave_out: tuple[str, ...] = ()

    @property
    def run_name(self) -> str:
        """Name of the run directory; the main one is plainly ``train``."""
        kind = "" if self.control == "none" else f".{self.control}"
        fold = "" if not self.leave_out else ".without-" + "-".join(c[:12] for c in self.leave_out[:1])
        number = f".s{self.seed}" if self.seed or kind or fold else ""
        return f"train{kind}{fold}{number}"


def make_request(*, config: Path | None = None, **fields: Any) -> Request:
    """Build a request; `config` is a settings file, by default ``folkmoot.toml`` of the working directory.

    Raises:
        UsageError: a field has a value that does not exist.
        FolkmootError: the settings file cannot be read.
    """
    try:
        return Request.model_validate({**fields, "settings": read_settings(config)})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])).replace("_", "-")
        raise UsageError(
            f"{'--' + name + ': ' if name else ''}{first['msg'].removeprefix('Value error, ')}",
            do="see: folkmoot run --help",
        ) from error


def follow(request: Request, *, progress: Progress = lambda *_: None, say: Say = lambda _: None) -> dict[str, Any]:
    """Walk the road as far as `request.until` and return what `folkmoot run --json` prints.

    Raises:
        FolkmootError: an input is wrong, or a run directory belongs to another request.
        Incomplete: the budget ran out.
    """
    return _Road(request, progress, say).walk()


def arms(request: Request, constitution: Constitution) -> list[Arm]:
    """Return the training runs of a request.

    `smoke` trains once; `small` adds the controls, over several seeds; `full` also withholds concepts, fold by fold.
    """
    seeds = range(request.seed, request.seed + (request.seeds or _SEEDS[request.scale]))
    if request.scale == "smoke" or request.until == "train":
        return [Arm("none", seed) for seed in seeds]
    controls: list[Literal["none", "shuffled", "placebo", "flipped"]] = ["none", "shuffled", "placebo"]
    if constitution.stances() and request.teacher == "written":  # only lessons hold an answer for either stance
        controls.append("flipped")
    folds = withheld_folds(constitution, request.seed) if request.scale == "full" else []
    return [Arm(control, seed) for control in controls for seed in seeds] + [
        Arm("none", request.seed, fold) for fold in folds
    ]


def withheld_folds(constitution: Constitution, seed: int) -> list[tuple[str, ...]]:
    """Split the constitution's taught concepts at random into folds, each withheld from one training run."""
    from folkmoot.train.lessons import teachable

    concepts = sorted(teachable(constitution))
    order = derive(seed, "pipeline.folds").permutation(len(concepts))
    folds = [tuple(sorted(concepts[int(i)] for i in order[k::_FOLDS])) for k in range(_FOLDS)]
    return [fold for fold in folds if fold and len(fold) < len(concepts)]


def train_config(request: Request, arm: Arm) -> "TrainConfig":
    """Return the config of one training run: its scale's, with the settings file over it."""
    from folkmoot.train.config import TrainConfig

    make = partial(TrainConfig.at_scale, request.scale)
    decided = {"seed": arm.seed, "control": arm.control, "leave_out": arm.leave_out}
    return request.settings.build("train", make, **decided)


def evaluate_config(request: Request) -> "EvaluateConfig":
    """Return the config of the evaluation: its scale's, with the settings file over it."""
    from folkmoot.evaluate.config import EvaluateConfig

    make = partial(EvaluateConfig.at_scale, request.scale)
    return request.settings.build("evaluate", make, seed=request.seed, reference_data=request.reference_data)


def examine(
    model: str, constitution_file: Path, *, exam: Path | None, against: str | None, progress: Progress
) -> dict[str, Any]:
    """Examine one model, or two, by a constitution; what an auditor needs."""
    from folkmoot.evaluate.exam import exam_items, sit, summary
    from folkmoot.models.local import LocalModel, pin_threads

    constitution = read_constitution(constitution_file)
    written = exam_items() if exam is None else read_items(exam)
    items = resolve_all(written, constitution.stances())
    if not items:
        raise FolkmootError("no exam item is left: all are contested and the constitution takes no stance on them")
    pin_threads()
    names = [model] if against is None else [model, against]
    scored = []
    for number, name in enumerate(names):
        progress(f"examining {name}", number, len(names))
        scored.append(sit(LocalModel.load(resolve_model(name), name=name), items, label=name))
    result: dict[str, Any] = {
        "constitution": constitution.id,
        "exam": {s.label: summary(s, derive(0, "examine", s.label)) for s in scored},
    }
    if against is not None:
        result["effects"] = _first_against_second(scored[0], scored[1], set(constitution.stances()))
    return result


def _first_against_second(first: Scored, second: Scored, axes: set[str]) -> dict[str, Any]:
    """Return how far the first is ahead, on all items and on contested and settled ones, in item score and in nats."""
    from folkmoot.evaluate import effects

    examined = {s.concept for s in first.scores}
    parts = {"": examined, "_on_contested": examined & axes, "_on_settled": examined - axes}
    found = {}
    for part, concepts in parts.items():
        if concepts:
            for unit, measure in (("", effects.item_score), ("_nats", effects.crossed_difference)):
                rng = derive(0, "examine", part, unit)
                found[f"first_vs_second{part}{unit}"] = effects.difference(
                    [first], [second], rng, measure=measure, concepts=concepts
                ).as_effect()
    return found


# ------------------------------------------------------------------ the stages, opened, filled and sealed


@dataclasses.dataclass(slots=True)
class _Road:
    """One walk; `walked` are the stage runs behind it, which share the budget."""

    request: Request
    progress: Progress
    say: Say
    walked: list[Run] = dataclasses.field(default_factory=list)

    def walk(self) -> dict[str, Any]:
        request = self.request
        _refuse_what_is_not_there(request)
        found: dict[str, Any] = {}
        if request.constitution is not None:
            drafted = self.adopt(request.constitution)
        else:
            listened = self.listen()
            if request.until == "listen":
                return {"opinion": str(listened.artefacts / "opinion.json")}
            drafted = self.draft(listened)
            found["left_out"] = str(drafted.artefacts / "left-out.md")
        path = drafted.artefacts / "constitution.yaml"
        constitution = read_constitution(path)
        found |= {
            "constitution": str(path),
            "principles": len(constitution.principles),
            "principles_from_public": len(constitution.from_public),
            "statements_left_out": _reasons_left_out(drafted),
            "stances": constitution.stances(),
        }
        if request.consultation is not None and not constitution.from_public:
            self.say(_nothing_from_public(found["statements_left_out"], constitution))
        if request.until in {"listen", "draft"}:
            return found
        trained = {arm: self.train(drafted, constitution, arm) for arm in arms(request, constitution)}
        found["model"] = str(next(iter(trained.values())).artefacts / "final")
        if request.until == "train":
            return found | {"ledger": self.ledger()}
        return found | self.evaluate(drafted, constitution, trained)

    def listen(self) -> Run:
        assert self.request.consultation is not None
        config = self.request.settings.build("listen", ListenConfig, seed=self.request.seed)
        with self.open("listen", config, {"consultation": _consultation_input(self.request.consultation)}) as run:
            if not run.sealed:
                self.progress("listening to the consultation", 0, 1)
                with run.ledger.timed("listen"):
                    opinion = analyse(read_consultation(self.request.consultation), config, seed=config.seed)
                    write_opinion(opinion, run.artefacts / "opinion.json")
                run.seal()
        return run

    def draft(self, listened: Run) -> Run:
        config = self.request.settings.build("draft", DraftConfig)
        asked = {**config.model_dump(mode="json"), "sources": list(self.request.sources)}
        with self.open("draft", asked, {"listen": listened}) as run:
            if not run.sealed:
                self.progress("drafting the constitution", 0, 1)
                with run.ledger.timed("draft"):
                    opinion = read_opinion(listened.artefacts / "opinion.json")
                    drafted = draft(opinion, self.request.sources, config)
                    _write_drafted(run, drafted.constitution, drafted)
                run.seal()
        return run

    def adopt(self, file: Path) -> Run:
        """Take over a constitution that a person wrote or edited."""
        constitution = adopted(read_constitution(file))
        with self.open("draft", {"adopted": True}, {"constitution": file}) as run:
            if not run.sealed:
                _write_drafted(run, constitution)
                run.seal()
        return run

    def train(self, drafted: Run, constitution: Constitution, arm: Arm) -> Run:
        from folkmoot.models.library import fetch_model
        from folkmoot.train.feedback import teacher_named
        from folkmoot.train.training import train

        request = self.request
        config = train_config(request, arm)
        embedded = request.student in EMBEDDED
        student = fetch_model(request.student, say=self.say) if embedded else resolve_model(request.student)
        asked = {**config.model_dump(mode="json"), "student": request.student, "teacher": request.teacher}
        with self.open(arm.run_name, asked, {"draft": drafted, "student": student}) as run:
            if not run.sealed:
                teacher = teacher_named(request.teacher, constitution)
                train(run, constitution, student, teacher, config, progress=self.within(arm))
                run.seal()
        return run

    def evaluate(self, drafted: Run, constitution: Constitution, trained: Mapping[Arm, Run]) -> dict[str, Any]:
        from folkmoot.evaluate.evaluation import evaluate
        from folkmoot.evaluate.exam import exam_items
        from folkmoot.evaluate.report import write_report

        request = self.request
        config = evaluate_config(request)
        # where the outside sets lie is no part of the result; what is in them is, as inputs
        asked = config.model_dump(mode="json", exclude={"reference_data"})
        inputs: dict[str, Path | Run] = {"draft": drafted, **{arm.run_name: run for arm, run in trained.items()}}
        inputs |= reference_sets(request.reference_data)
        with self.open("evaluate", asked, inputs) as run:
            if not run.sealed:
                results = evaluate(
                    run,
                    constitution,
                    resolve_model(request.student),
                    [_examined(arm, one) for arm, one in trained.items()],
                    exam=exam_items(),
                    config=config,
                    progress=self.progress,
                )
                results |= {"taught_by": _taught_by(next(iter(trained.values()))), "ledger": self.ledger()}
                answers = json.loads((run.artefacts / "answers.json").read_text(encoding="utf-8"))
                write_report(results, constitution, answers, run.report)
                run.seal()
        results = json.loads((run.report / "report.json").read_text(encoding="utf-8"))
        shown = {key: results[key] for key in ("exam", "effects", "causal_claim", "ledger")}
        return {"report": str(run.report / "report.html"), **shown}

    @contextmanager
    def open(self, name: str, config: BaseModel | Mapping[str, Any], inputs: Mapping[str, Input]) -> Iterator[Run]:
        request = self.request
        with open_run(request.out, name, config, inputs, fresh=request.fresh) as run:
            if run.sealed:
                self.say(f"{name}: already done, reused")
            else:
                run.ledger.limit(
                    seconds=request.budget_s, tokens=request.budget_tokens, beside=[one.ledger for one in self.walked]
                )
                run.ledger.check()
            self.walked.append(run)
            yield run

    def within(self, arm: Arm) -> Progress:
        """Return a progress function that says which training run it is."""
        return lambda what, done, total: self.progress(f"{arm.run_name}: {what}", done, total)

    def ledger(self) -> dict[str, Any]:
        return Ledger.sum(run.ledger for run in self.walked).as_json()


def _consultation_input(given: str | Path) -> Input:
    """Return what a run is to say it read: files, or the votes that stand in a store now."""
    if not is_reference(given):
        return Path(given)
    consultation = read_consultation(given)
    return {"stored": shown_reference(str(given)), "hash": consultation.content_hash()}


def _refuse_what_is_not_there(request: Request) -> None:
    """Meet a wrong name or path before a run is opened that would then stand in the way of the right one.

    Raises:
        FolkmootError: a source, student, teacher or reference folder does not exist.
    """
    from folkmoot.train.feedback import teacher_address

    for name in request.sources:
        load_source(name)
    if request.student not in EMBEDDED:
        resolve_model(request.student)
    if request.teacher != "written":
        teacher_address(request.teacher)
    reference_sets(request.reference_data)


def _nothing_from_public(left_out: Mapping[str, int], constitution: Constitution) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
    speaks = "only the sources speak" if constitution.principles else "the constitution is empty"
    return (
        f"warning: 0 principles come from this public; {speaks}.\n"
        f"  statements left out: {reasons or 'there was none'}\n"
        "  A consultation has to be about how an assistant should behave; left-out.md has the reason for each statement."
    )


def reference_sets(folder: Path | None) -> dict[str, Path | Run]:
    """Return the outside sets that `folder` holds, by name: what an evaluation reads beside the models."""
    from folkmoot.evaluate.suites import REFERENCE_SETS

    if folder is None:
        return {}
    if not folder.is_dir():
        raise FolkmootError("there is no such folder", where=f"--reference-data {folder}", do="check the path")
    return {name: folder / name for name in REFERENCE_SETS if (folder / name).is_dir()}


def _examined(arm: Arm, run: Run) -> "Trained":
    from folkmoot.evaluate.evaluation import Trained

    whole = arm.control == "none" and not arm.leave_out
    return Trained(
        arm="without" if arm.leave_out else "constitution" if whole else arm.control,
        seed=arm.seed,
        final=run.artefacts / "final",
        supervised=run.artefacts / "supervised" if whole else None,
        withheld=arm.leave_out,
        preferences=_preferences(run) if whole else (),
    )


def _preferences(run: Run) -> tuple[Preference, ...]:
    lines = (run.artefacts / "preferences.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(Preference(**json.loads(line)) for line in lines)


def _taught_by(run: Run) -> str:
    with (run.artefacts / "preferences.jsonl").open(encoding="utf-8") as file:
        return str(json.loads(file.readline())["taught_by"])


def _write_drafted(run: Run, constitution: Constitution, drafted: Draft | None = None) -> None:
    """Write a constitution to edit and to read and, if it was drafted here, what was left out and why."""
    write_constitution(constitution, run.artefacts / "constitution.yaml")
    (run.artefacts / "constitution.md").write_text(constitution_markdown(constitution, drafted), encoding="utf-8")
    if drafted is not None:
        (run.artefacts / "left-out.md").write_text(left_out_markdown(drafted), encoding="utf-8")
        for left in drafted.left_out:
            statement = left.opinion.statement
            run.describe(f"statement:{statement.id}", "statement", statement.text, left_out=left.reason.value)
    _trace_constitution(run, constitution)


def _reasons_left_out(drafted: Run) -> dict[str, int]:
    """Return how many statements were left out for each reason, the commonest first."""
    from folkmoot.lineage import read_nodes

    reasons = (node.detail.get("left_out") for node in read_nodes(drafted.artefacts / "index.jsonl"))
    return dict(Counter(reason for reason in reasons if reason).most_common())


def _trace_constitution(run: Run, constitution: Constitution) -> None:
    """Write down which statements and articles stand behind each principle."""
    from folkmoot.lineage import Role

    roles = {"statement": Role.SUPPORTS, "article": Role.FOUNDS, "hand": Role.EDITS}
    for principle in constitution.principles:
        bearings = [b.concept + (f"={b.stance}" if b.stance else "") for b in principle.bearings]
        run.describe(principle.id, "principle", principle.text, weight=principle.weight, bearings=bearings)
        for origin in principle.origins:
            node = f"{origin.kind}:{origin.ref}"
            run.describe(node, origin.kind, origin.quote or origin.ref, support=list(origin.support))
            run.link(principle.id, node, roles[origin.kind])
