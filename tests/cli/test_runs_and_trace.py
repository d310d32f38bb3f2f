"""`folkmoot runs` and `folkmoot trace`, as a user calls them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from folkmoot.cli import app
from folkmoot.errors import FolkmootError
from folkmoot.lineage import NOT_CAUSAL, Role
from folkmoot.runs import open_run


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], terminal_width=200)


def printed(*arguments: object) -> Any:
    return json.loads(call(*arguments, "--json").stdout)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A draft and an evaluation, sealed, and a training run that is not finished; statements try to break the screen."""
    folder = tmp_path / "runs" / "demo"
    with open_run(folder, "draft", {"threshold": 0.85}, {}) as drafted:
        (drafted.artefacts / "constitution.yaml").write_text("principles: []\n")
        drafted.describe(
            "principle:aa11", "principle", "Be [red]kind[/nope]\n└── principle:forged \x1b[31m", weight=0.5
        )
        drafted.describe("statement:1", "statement", "People should be kind", support=[0.91, 0.88])
        drafted.link("principle:aa11", "statement:1", Role.SUPPORTS)
        drafted.seal()
    with open_run(folder, "train", {}, {"draft": drafted}) as trained:
        trained.ledger.spend("train", tokens=1000, seconds=12.5)
    with open_run(folder, "evaluate", {}, {"draft": drafted}) as evaluated:
        for i in range(10):
            evaluated.link(f"exam-{i}", "principle:aa11", Role.EXAMINES)
            evaluated.describe(f"exam-{i}", "exam item", f"question {i}", item_score_before=0.0, item_score_after=1.0)
        evaluated.seal()
    return folder


def test_runs_are_listed(out: Path) -> None:
    rows = printed("runs", "list", out)
    assert [(r["name"], r["state"], r["tokens"]) for r in rows] == [
        ("draft", "sealed", 0),
        ("train", "unfinished", 1000),
        ("evaluate", "sealed", 0),
    ]
    text = call("runs", "list", out.parent).stdout
    assert "demo/train" in text
    assert "12.5" in text


def test_a_run_is_shown(out: Path) -> None:
    (shown,) = printed("runs", "show", out / "train")
    assert shown["inputs"]["draft"]["run"] == "draft"
    assert shown["ledger"]["steps"]["train"]["tokens"] == 1000
    text = call("runs", "show", out).stdout
    assert "config threshold" in text
    assert "estimated, not measured" in text


def test_sound_runs_verify_and_unfinished_ones_are_named(out: Path) -> None:
    result = call("runs", "verify", out)
    assert result.exit_code == 0
    assert "unfinished, not verified" in result.stdout
    assert printed("runs", "verify", out)["ok"] is True
    assert [r["problems"] for r in printed("runs", "verify", out)["runs"]] == [[], [], []]


def test_a_changed_run_does_not_verify(out: Path) -> None:
    (out / "draft" / "artefacts" / "constitution.yaml").chmod(0o644)
    (out / "draft" / "artefacts" / "constitution.yaml").write_text("principles: [better]\n")
    result = call("runs", "verify", out)
    assert result.exit_code == 1
    assert "constitution.yaml: changed" in result.stdout.replace("\n", "")
    assert call("runs", "verify", out, "--json").exit_code == 1
    assert printed("runs", "verify", out)["ok"] is False
    assert call("runs", "verify", out / "evaluate").exit_code == 0


def test_an_unfinished_run_alone_does_not_verify(out: Path) -> None:
    result = call("runs", "verify", out / "train")
    assert result.exit_code == 1
    assert "not sealed" in result.stdout


def test_a_single_run_is_verified_from_inside_its_folder(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(out / "evaluate")
    assert printed("runs", "verify", ".")["runs"][0]["name"] == "evaluate"
    assert printed("runs", "verify", ".")["runs"][0]["unchecked"] == []
    assert printed("runs", "verify", "..")["ok"] is True


def test_a_trace_is_a_tree_of_what_it_came_from_and_what_came_of_it(out: Path) -> None:
    result = call("trace", "principle:aa", "--run", out)
    assert result.exit_code == 0
    text = " ".join(result.stdout.replace("│", " ").split())
    assert "supports statement:1 People should be kind [support 0.91, 0.88]" in text
    assert f"examines exam item exam-0 question 0 [item score 0 → 1] ({NOT_CAUSAL})" in text
    assert "and 2 more" in text
    assert "exam-9" not in text
    assert "exam-9" in call("trace", "principle:aa", "--run", out, "--limit", 0).stdout
    assert "left out, because not finished: train" in result.stderr


def test_what_stands_in_a_tree_already_is_counted_and_not_drawn_again(tmp_path: Path) -> None:
    with open_run(tmp_path, "train", {}, {}) as run:
        for lesson in ("item:1", "item:2"):
            run.describe(lesson, "lesson", f"lesson {lesson}")
            run.link(lesson, "principle:aa11", Role.SELECTS)
            for model in ("model:a", "model:b", "model:c"):
                run.link(model, lesson, Role.TRAINS)
        run.seal()
    lines = [line.strip(" │├└─") for line in call("trace", "principle:aa11", "--run", tmp_path).stdout.splitlines()]
    first, second = (next(i for i, line in enumerate(lines) if f"lesson item:{n}" in line) for n in (1, 2))
    assert lines[first + 1 : second] == ["trains model:a", "trains model:b", "trains model:c"]
    assert lines[second + 1 :] == ["trains 3 that stand above"]


def test_texts_from_outside_cannot_draw_on_the_screen(out: Path) -> None:
    text = call("trace", "principle:aa11", "--run", out).stdout
    assert "[red]kind[/nope]" in text
    assert "\x1b" not in text
    assert not any(line.lstrip("│ ").startswith("└── principle:forged") for line in text.splitlines())


def test_json_of_a_trace_is_whole(out: Path) -> None:
    shown = printed("trace", "principle:aa11", "--run", out)
    assert len(shown["down"]) == 10
    assert {step["note"] for step in shown["down"]} == {NOT_CAUSAL}
    assert shown["up"][0]["detail"] == {"support": [0.91, 0.88]}


def test_without_a_folder_the_newest_that_knows_the_id_is_taken(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_run(out.parent / "other", "draft", {}, {}) as run:
        run.describe("principle:bb22", "principle", "Be brief")
        run.seal()
    os.utime(out / "draft" / "seal.json", (1, 1))
    os.utime(out / "evaluate" / "seal.json", (1, 1))
    monkeypatch.chdir(out.parent.parent)
    assert printed("trace", "principle:bb")["label"] == "Be brief"
    assert printed("trace", "principle:aa")["id"] == "principle:aa11"
    assert "runs/demo" in call("trace", "principle:aa").stderr
    with open_run(out.parent / "third", "draft", {}, {}) as run:
        run.describe("principle:bb22", "principle", "Be brief")
        run.seal()
    assert "(also known in runs/other: --run chooses)" in call("trace", "principle:bb").stderr
    assert isinstance(call("trace", "nothing").exception, FolkmootError)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("trace", "participant:3", "--run", "runs/demo"), "not traced"),
        (("trace", "principle:ab11", "--run", "runs/demo"), "did you mean: principle:aa11"),
        (("trace", "principle:aa11", "--run", "nowhere"), "no such folder"),
        (("trace", "principle:aa11", "--run", "runs/demo/draft/artefacts"), "no finished run"),
        (("runs", "list", "nowhere"), "no such folder"),
        (("runs", "verify", "runs/demo/draft/artefacts"), "no run here"),
        (("runs", "show", "nowhere"), "no such folder"),
    ],
)
def test_what_cannot_be_done_is_said_on_one_screen(out: Path, arguments: tuple[str, ...], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "folkmoot.cli", *arguments],
        cwd=out.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 4
