"""The whole road, on a tiny model: what it writes, reuses, resumes, and what it says when something is wrong."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from folkmoot import lineage
from folkmoot.constitution import read_constitution
from folkmoot.errors import FolkmootError, Incomplete, UsageError
from folkmoot.forecast import forecast
from folkmoot.pipeline import Arm, Request, arms, follow, make_request, withheld_folds
from folkmoot.runs import verify

EXAMPLE = Path(__file__).parents[1] / "examples" / "harbour-town"
FEW = """
[train]
lessons = 16
layers = 2
lora_rank = 4
checkpoint_steps = 6

[evaluate]
honesty_phrasings = 3
answers = 2
answer_tokens = 6
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "few.toml"
    path.write_text(FEW)
    return path


@pytest.fixture(scope="module")
def walked(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, settings: Path
) -> tuple[Request, dict[str, Any]]:
    """One walk along the road with every control."""
    request = make_request(
        consultation=EXAMPLE,
        student=str(tiny_model),
        scale="small",
        seeds=1,
        out=tmp_path_factory.mktemp("runs") / "road",
        config=settings,
    )
    return request, follow(request)


def test_the_road_prints_what_an_auditor_asks_for(walked: tuple[Request, dict[str, Any]]) -> None:
    _, found = walked
    assert {"constitution", "left_out", "model", "report", "exam", "effects", "ledger"} <= found.keys()
    for model in ("untrained", "prompted", "supervised", "final"):
        exam = found["exam"][model]
        assert exam["item_score"].keys() == {"value", "ci", "n"}
        assert {"strict_score", "by_concept", "by_axis"} <= exam.keys()
        assert exam["item_score"]["n"] > 240
    expected = {
        "final_vs_untrained",
        "final_vs_floor_strict",
        "final_vs_shuffled",
        "final_vs_placebo",
        "flipped_reversal",
        "transfer_to_untaught",
    }
    assert expected <= found["effects"].keys()
    assert all(effect.keys() == {"diff", "ci", "n"} for effect in found["effects"].values())
    final, floor = (found["exam"][model]["strict_score"]["value"] for model in ("final", "floor"))
    assert found["effects"]["final_vs_floor_strict"]["diff"] == pytest.approx(final - floor, abs=2e-6)
    assert found["causal_claim"] == "no causal claim at this scale"  # one seed is too few
    assert {"train.supervised", "train.preference", "evaluate.exam"} <= found["ledger"]["steps"].keys()


def test_the_simulated_mark_travels_to_constitution_card_and_report(walked: tuple[Request, dict[str, Any]]) -> None:
    _, found = walked
    assert any("imulated" in mark for mark in read_constitution(Path(found["constitution"])).marks)
    assert "imulated" in (Path(found["model"]) / "README.md").read_text()
    assert "imulated" in Path(found["report"]).read_text()


def test_a_second_walk_reuses_everything_and_says_so(walked: tuple[Request, dict[str, Any]]) -> None:
    request, found = walked
    said: list[str] = []
    assert follow(request, say=said.append) == found
    assert len(said) == 3 + len(arms(request, read_constitution(Path(found["constitution"]))))
    assert all("already done, reused" in line for line in said)


def test_every_stage_is_as_sealed(walked: tuple[Request, dict[str, Any]]) -> None:
    request, _ = walked
    stages = [p for p in request.out.iterdir() if (p / "seal.json").is_file()]
    assert len(stages) == 3 + 4
    assert not [problem for stage in stages for problem in verify(stage)]


def test_a_principle_is_traced_to_statements_articles_lessons_and_exam_items(
    walked: tuple[Request, dict[str, Any]],
) -> None:
    request, found = walked
    constitution = read_constitution(Path(found["constitution"]))
    lessons = (Path(found["model"]).parent / "lessons.jsonl").read_text().splitlines()
    taught = {json.loads(line)["principle_id"] for line in lessons}
    both = [p for p in constitution.principles if {o.kind for o in p.origins} == {"statement", "article"}]
    principle = next(p for p in both if p.id in taught)
    traced = lineage.trace(principle.id, request.out)
    assert {step.node.kind for step in traced.up} == {"statement", "article"}
    assert {"lesson", "exam item"} <= {step.node.kind for step in traced.down}
    item = next(step.node for step in traced.down if step.node.kind == "exam item")
    assert item.shows_change
    back = lineage.trace(item.id, request.out)
    assert principle.id in {step.node.id for step in back.up}


def test_a_forecast_counts_the_tokens_that_the_run_then_books(walked: tuple[Request, dict[str, Any]]) -> None:
    request, found = walked
    predicted = forecast(request)
    assert predicted["training_runs"] == 4
    for step in ("train.supervised", "train.preference", "evaluate.exam", "evaluate.measures"):
        assert predicted["steps"][step]["tokens"] == found["ledger"]["steps"][step]["tokens"], step


def test_another_constitution_in_the_same_folder_is_refused_by_the_input_that_differs(
    walked: tuple[Request, dict[str, Any]], tmp_path: Path, settings: Path, tiny_model: Path
) -> None:
    request, found = walked
    edited = tmp_path / "edited.yaml"
    text = Path(found["constitution"]).read_text()
    assert "stance: warns" in text
    edited.write_text(text.replace("stance: warns", "stance: trusts-adult"))
    again = make_request(constitution=edited, student=str(tiny_model), out=request.out, config=settings, scale="smoke")
    with pytest.raises(FolkmootError, match="made with") as caught:
        follow(again)
    assert "--fresh" in caught.value.do


def test_a_hand_edited_stance_is_trained_and_the_hand_is_named(
    walked: tuple[Request, dict[str, Any]], tmp_path: Path, settings: Path, tiny_model: Path
) -> None:
    _, found = walked
    edited = tmp_path / "edited.yaml"
    edited.write_text(Path(found["constitution"]).read_text().replace("stance: warns", "stance: trusts-adult"))
    result = follow(
        make_request(constitution=edited, student=str(tiny_model), out=tmp_path / "run", config=settings, until="train")
    )
    assert result["stances"]["risk-warnings"] == "trusts-adult"
    lessons = [json.loads(line) for line in (Path(result["model"]).parent / "lessons.jsonl").read_text().splitlines()]
    assert {x["item"]["stance"] for x in lessons if x["item"]["concept"] == "risk-warnings"} <= {"trusts-adult"}
    assert any(o.kind == "hand" for p in read_constitution(Path(result["constitution"])).principles for o in p.origins)


def test_a_budget_stops_cleanly_counts_over_stages_and_more_of_it_goes_on(
    tmp_path: Path, settings: Path, tiny_model: Path
) -> None:
    asked = {"consultation": EXAMPLE, "student": str(tiny_model), "out": tmp_path / "run", "config": settings}
    with pytest.raises(Incomplete, match="budget"):
        follow(make_request(**asked, until="train", budget_tokens=10))
    whole = follow(make_request(**asked, until="train", budget_tokens=1_000_000))
    assert Path(whole["model"]).is_dir()
    with pytest.raises(Incomplete):
        follow(make_request(**asked, until="train", seeds=2, budget_tokens=whole["ledger"]["tokens"] + 10))


def test_a_public_that_says_nothing_on_assistants_leaves_the_word_to_the_sources(tmp_path: Path) -> None:
    folder = tmp_path / "rinks"
    folder.mkdir()
    with (folder / "votes.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["participant", "statement", "vote"])
        rows.writerows([p, s, 1] for p in range(40) for s in range(8))
    with (folder / "statements.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["statement", "text"])
        rows.writerows([s, f"The town should build skating rink number {s}."] for s in range(8))
    said: list[str] = []
    found = follow(make_request(consultation=folder, out=tmp_path / "run", until="draft"), say=said.append)
    assert found["principles_from_public"] == 0
    assert sum(found["statements_left_out"].values()) == 8
    (warning,) = said
    assert "0 principles come from this public" in warning
    assert all(f"{count} {reason}" in warning for reason, count in found["statements_left_out"].items())
    constitution = read_constitution(Path(found["constitution"]))
    assert any("0 principles from this public" in mark for mark in constitution.marks)
    assert Path(found["left_out"]).read_text().count("skating rink") == 8


def test_a_statement_that_was_left_out_is_traced_to_the_reason(walked: tuple[Request, dict[str, Any]]) -> None:
    request, found = walked
    reasons = Counter(
        node.detail["left_out"]
        for node in lineage.read_nodes(request.out / "draft" / "artefacts" / "index.jsonl")
        if "left_out" in node.detail
    )
    assert reasons == found["statements_left_out"]
    assert sum(reasons.values()) > 10


def test_a_constitution_from_a_file_is_marked_and_words_against_its_stance_are_named(
    walked: tuple[Request, dict[str, Any]], tmp_path: Path
) -> None:
    _, found = walked
    text = Path(found["constitution"]).read_text()

    def taken(name: str, content: str) -> tuple[str, ...]:
        (tmp_path / f"{name}.yaml").write_text(content)
        result = follow(make_request(constitution=tmp_path / f"{name}.yaml", out=tmp_path / name, until="draft"))
        assert "Taken from a file" in Path(result["constitution"]).with_name("constitution.md").read_text()
        return read_constitution(Path(result["constitution"])).marks

    assert [m for m in taken("same", text) if "opposite" in m] == []
    turned = text.replace("stance: warns", "stance: trusts-adult")
    (against,) = [m for m in taken("turned", turned) if "opposite" in m]
    assert against.count("principle:") == turned.count("stance: trusts-adult")


@pytest.mark.parametrize(
    "wrong", [{"sources": ("udhr", "koran")}, {"student": "gpt-9"}, {"teacher": "aristotle"}], ids=str
)
def test_a_wrong_name_is_met_before_anything_is_written(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        follow(make_request(consultation=EXAMPLE, out=tmp_path / "run", **wrong))
    assert not (tmp_path / "run").exists()


def test_a_budget_of_nothing_does_nothing(tmp_path: Path) -> None:
    with pytest.raises(Incomplete):
        follow(make_request(consultation=EXAMPLE, out=tmp_path / "run", until="draft", budget_s=0))
    assert not (tmp_path / "run" / "listen" / "seal.json").exists()


# ------------------------------------------------------------------ which training runs


def test_smoke_trains_once_small_adds_controls_and_full_withholds_concepts(
    walked: tuple[Request, dict[str, Any]],
) -> None:
    request, found = walked
    constitution = read_constitution(Path(found["constitution"]))

    def planned(scale: str) -> list[Arm]:
        return arms(request.model_copy(update={"scale": scale, "seeds": None}), constitution)

    assert planned("smoke") == [Arm("none", 0)]
    assert {(a.control, a.seed) for a in planned("small")} == {
        (control, seed) for control in ("none", "shuffled", "placebo", "flipped") for seed in range(3)
    }
    withheld = [a.leave_out for a in planned("full") if a.leave_out]
    assert len(planned("full")) == 4 * 5 + len(withheld)
    assert sorted(c for fold in withheld for c in fold) == sorted(c for f in withheld_folds(constitution, 0) for c in f)
    assert len({a.run_name for a in planned("full")}) == len(planned("full"))


# ------------------------------------------------------------------ wrong requests


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"consultation": EXAMPLE, "scale": "huge"}, "--scale"),
        ({"consultation": EXAMPLE, "until": "lunch"}, "--until"),
        ({}, "^give a --consultation or a --constitution"),
        ({"consultation": EXAMPLE, "constitution": EXAMPLE}, "not both"),
    ],
)
def test_a_wrong_request_is_wrong_usage(fields: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        make_request(out=tmp_path, **fields)


def test_reference_data_that_are_not_there_are_missed_before_the_end(
    walked: tuple[Request, dict[str, Any]], tmp_path: Path
) -> None:
    request, _ = walked
    with pytest.raises(FolkmootError, match="no such folder"):
        follow(request.model_copy(update={"reference_data": tmp_path / "nowhere"}))


# ------------------------------------------------------------------ kill -9


def _hashes(out: Path) -> dict[str, str]:
    return {p.parent.name: json.loads(p.read_text())["artefact_hash"] for p in out.glob("*/seal.json")}


@pytest.mark.slow
def test_a_road_killed_again_and_again_ends_in_the_same_artefacts(
    tmp_path: Path, settings: Path, tiny_model: Path
) -> None:
    def command(out: Path) -> list[str]:
        return [
            *(
                sys.executable,
                "-m",
                "folkmoot.cli",
                "run",
                "--consultation",
                str(EXAMPLE),
                "--student",
                str(tiny_model),
            ),
            *("--config", str(settings), "--out", str(out), "--json"),
        ]

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole = subprocess.run(command(tmp_path / "whole"), env=environment, capture_output=True, text=True, check=False)
    assert whole.returncode == 0, whole.stderr
    killed = tmp_path / "killed"
    kills = 0
    for attempt in range(60):
        process = subprocess.Popen(
            command(killed), env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        time.sleep(4 + 1.5 * attempt)  # each attempt dies somewhere else, in the end none does
        if process.poll() is not None:
            assert process.returncode == 0
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills >= 2
    assert _hashes(killed) == _hashes(tmp_path / "whole")
    shutil.rmtree(killed)
