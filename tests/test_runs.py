"""Run directories: resumable until they are sealed, whatever happens; immutable and verifiable afterwards."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import folkmoot.runs
from folkmoot.errors import FolkmootError, Incomplete
from folkmoot.lineage import Role, read_lineage
from folkmoot.runs import Run, find_runs, list_runs, open_run, show_run, verification, verify

# a stage as stages are: pays for items one by one, writes artefacts from what it recorded, links, seals
STAGE = '''
import sys, time
from pathlib import Path
from folkmoot.lineage import Role
from folkmoot.runs import open_run

def stage(out, items, pause=0.0, ballast=0):
    """Answer `items`; one line in paid.txt for each that is paid for."""
    with open_run(out, "stage", {"items": items}, {}) as run:
        if run.sealed:
            return run.artefact_hash
        done = run.events("answer")
        with run.ledger.timed("answering"):
            for i in range(items):
                if str(i) in done:
                    continue
                with (out / "paid.txt").open("a") as paid:
                    paid.write(f"{i}\\n")
                time.sleep(pause)
                run.record("answer", str(i), text=f"answer {i} " + "x" * ballast)
                run.metric(step=i, at=time.time())
        for i, answer in sorted(run.events("answer").items(), key=lambda pair: int(pair[0])):
            with (run.artefacts / "answers.txt").open("w" if i == "0" else "a") as file:
                file.write(answer["text"] + "\\n")
            run.describe(f"answer:{i}", "answer", answer["text"][:20])
            run.link(f"answer:{i}", "question:1", Role.TEACHES)
        return run.seal()
'''
RUN_STAGE = (
    STAGE
    + "\nout = Path(sys.argv[1])\nout.mkdir(exist_ok=True)\nprint(stage(out, int(sys.argv[2]), float(sys.argv[3])))\n"
)


HEEDFUL = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""Whoever started the tests may ignore interrupts, and a child inherits that."""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HEEDFUL + code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(code: str, *arguments: object) -> str:
    process = start(code, *arguments)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output.strip()


def wait_for(path: Path, lines: int) -> None:
    for _ in range(3000):
        if path.is_file() and path.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} never had {lines} lines")


def sealed(out: Path, name: str = "draft", *, config: dict[str, Any] | None = None, **inputs: Path | Run) -> Run:
    with open_run(out, name, config or {"threshold": 0.5}, inputs) as run:
        (run.artefacts / "folder").mkdir()
        (run.artefacts / "folder" / "result.txt").write_text(f"result of {name}\n")
        (run.report / "report.html").write_text("<p>took 3 s</p>")
        run.record("item", "1", value=1)
        run.metric(loss=0.5)
        run.link("principle:a", "statement:1", Role.SUPPORTS)
        run.describe("principle:a", "principle", "Be kind")
        run.seal()
    return run


def write_over(path: Path, text: str) -> None:
    path.chmod(0o644)
    path.write_text(text)


# ------------------------------------------------------------------ sealing, reusing, refusing


def test_a_run_holds_what_it_promises(tmp_path: Path) -> None:
    run = sealed(tmp_path)
    names = {p.name for p in run.path.iterdir()}
    assert names == {
        "config.json",
        "inputs.json",
        "environment.json",
        "events.jsonl",
        "metrics.jsonl",
        "ledger.json",
        "lineage.jsonl",
        "artefacts",
        "report",
        "seal.json",
    }
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["packages"]["numpy"]
    assert {"folkmoot", "commit", "python", "cores", "device", "threads"} <= set(environment)
    seal = json.loads((run.path / "seal.json").read_text())
    assert set(seal["files"]) == {
        str(p.relative_to(run.path)) for p in run.path.rglob("*") if p.is_file() and p.name != "seal.json"
    }
    assert verify(run.path) == []


def test_the_artefact_hash_is_of_config_inputs_artefacts_and_lineage_alone(tmp_path: Path) -> None:
    def run(
        name: str, *, text: str = "a", note: str = "b", threshold: float = 0.5, parent: str = "p", link: str = "s"
    ) -> str:
        (tmp_path / "input.txt").write_text(parent)
        with open_run(tmp_path / name, "draft", {"threshold": threshold}, {"input": tmp_path / "input.txt"}) as one:
            (one.artefacts / "result.txt").write_text(text)
            (one.report / "timing.txt").write_text(note)
            one.metric(seconds=time.time())
            one.ledger.spend("draft", seconds=time.time() % 7)
            one.record("item", note)
            one.link("principle:a", link, Role.SUPPORTS)
            return one.seal()

    same = run("1")
    assert run("2", note="another report, event and ledger") == same
    others = [run("3", text="c"), run("4", threshold=0.6), run("5", parent="q"), run("6", link="t")]
    assert len({same, *others}) == 5


def test_links_and_descriptions_count_without_their_order(tmp_path: Path) -> None:
    digests = set()
    for order in (["a", "b", "c"], ["c", "a", "b", "a"]):
        with open_run(tmp_path / "-".join(order), "draft", {}, {}) as run:
            for name in order:
                run.describe(name, "principle", f"about {name}")
                run.link(name, "statement:1", Role.SUPPORTS)
            digests.add(run.seal())
    assert len(digests) == 1


def test_the_same_config_and_inputs_find_the_sealed_run(tmp_path: Path) -> None:
    made = sealed(tmp_path)
    before = {p: p.stat().st_mtime_ns for p in made.path.rglob("*")}
    with open_run(tmp_path, "draft", {"threshold": 0.5}, {}) as again:
        assert again.sealed
        assert again.artefact_hash == made.artefact_hash
        assert again.events("item") == {"1": {"value": 1}}
    assert {p: p.stat().st_mtime_ns for p in made.path.rglob("*")} == before


def test_pydantic_configs_and_mappings_are_one(tmp_path: Path) -> None:
    class Config(BaseModel):
        threshold: float = 0.5

    sealed(tmp_path)
    assert open_run(tmp_path, "draft", Config(), {}).sealed


def test_nothing_is_written_to_a_sealed_run(tmp_path: Path) -> None:
    run = sealed(tmp_path)
    attempts = [
        lambda: run.record("item", "2"),
        lambda: run.metric(loss=1),
        lambda: run.link("a", "b", Role.SELECTS),
        lambda: run.describe("a", "b", "c"),
        run.seal,
    ]
    for attempt in attempts:
        with pytest.raises(FolkmootError, match="sealed"):
            attempt()
    assert verify(run.path) == []
    assert all(p.stat().st_mode & 0o222 == 0 for p in run.path.rglob("*") if p.is_file())


def test_nothing_is_written_to_a_closed_run(tmp_path: Path) -> None:
    with open_run(tmp_path, "draft", {}, {}) as run:
        pass
    with pytest.raises(FolkmootError, match="closed"):
        run.record("item", "1")


@pytest.mark.parametrize("finished", [True, False])
def test_another_config_is_an_error_that_names_the_field(tmp_path: Path, finished: bool) -> None:
    with open_run(tmp_path, "draft", {"rate": 1, "loss": {"beta": 0.1, "kind": "dpo"}}, {}) as run:
        if finished:
            run.seal()
    with pytest.raises(FolkmootError, match=r"loss\.beta = 0\.1, and now loss\.beta = 0\.2") as error:
        open_run(tmp_path, "draft", {"rate": 1, "loss": {"beta": 0.2, "kind": "dpo"}}, {})
    assert "--fresh" in error.value.do
    assert "--out" in error.value.do
    with pytest.raises(FolkmootError, match="more = null, and now more = true"):
        open_run(tmp_path, "draft", {"rate": 1, "loss": {"beta": 0.1, "kind": "dpo"}, "more": True}, {})


@pytest.mark.parametrize("finished", [True, False])
def test_another_input_is_an_error_that_names_it(tmp_path: Path, finished: bool) -> None:
    votes = tmp_path / "votes"
    votes.mkdir()
    (votes / "votes.csv").write_text("1")
    with open_run(tmp_path / "out", "listen", {}, {"consultation": votes}) as run:
        if finished:
            run.seal()
    open_run(tmp_path / "out", "listen", {}, {"consultation": votes}).__exit__(None, None, None)
    (votes / "votes.csv").rename(votes / "other.csv")
    with pytest.raises(FolkmootError, match="read consultation = sha256") as error:
        open_run(tmp_path / "out", "listen", {}, {"consultation": votes})
    assert str(votes) in error.value.where
    with pytest.raises(FolkmootError, match="now consultation = nothing"):
        open_run(tmp_path / "out", "listen", {}, {})


@pytest.mark.parametrize("finished", [True, False])
def test_work_of_another_version_is_not_mixed_with_this(
    tmp_path: Path, finished: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_run(tmp_path, "draft", {}, {}) as run:
        if finished:
            run.seal()
    monkeypatch.setattr(folkmoot.runs, "__version__", "99.0")
    with pytest.raises(FolkmootError, match=r"folkmoot 0\.1\.0, and this is 99\.0"):
        open_run(tmp_path, "draft", {}, {})


def test_a_sealed_run_that_lost_a_file_is_not_reused(tmp_path: Path) -> None:
    run = sealed(tmp_path)
    (run.artefacts / "folder" / "result.txt").unlink()
    with pytest.raises(FolkmootError, match="lost artefacts/folder/result"):
        open_run(tmp_path, "draft", {"threshold": 0.5}, {})


def test_fresh_starts_anew(tmp_path: Path) -> None:
    sealed(tmp_path)
    with open_run(tmp_path, "draft", {"threshold": 0.7}, {}, fresh=True) as run:
        assert not run.sealed
        assert run.events("item") == {}
        assert list(run.artefacts.iterdir()) == []
        assert run.ledger.seconds == 0
        run.seal()
    assert [p.name for p in find_runs(tmp_path)] == ["draft"]
    assert not list(tmp_path.glob(".*.removed"))


def test_fresh_keeps_what_is_there_if_the_input_is_not(tmp_path: Path) -> None:
    run = sealed(tmp_path)
    with pytest.raises(FolkmootError, match="no votes at this path"):
        open_run(tmp_path, "draft", {}, {"votes": tmp_path / "nowhere"}, fresh=True)
    assert verify(run.path) == []


def test_an_unsealed_run_has_no_hash_and_is_no_input(tmp_path: Path) -> None:
    with open_run(tmp_path, "draft", {}, {}) as run:
        with pytest.raises(FolkmootError, match="not finished"):
            _ = run.artefact_hash
        with pytest.raises(FolkmootError, match="not finished"):
            open_run(tmp_path, "train", {}, {"draft": run})


def test_a_pipe_is_no_input(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FolkmootError, match="neither a file nor a folder"):
        open_run(tmp_path, "draft", {}, {"constitution": tmp_path / "pipe"})


def test_out_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(FolkmootError, match="cannot be opened"):
        open_run(tmp_path / "out", "draft", {}, {})


@pytest.mark.parametrize("name", ["../draft", "a/b", "", ".", "..", ".hidden"])
def test_a_run_lies_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a run"):
        open_run(tmp_path, name, {}, {})


# ------------------------------------------------------------------ resuming


def test_an_unsealed_run_goes_on_from_its_events(tmp_path: Path) -> None:
    with open_run(tmp_path, "train", {}, {}) as run:
        run.record("revision", "0", text="first")
        run.record("revision", "0", text="second")
        run.record("preference", "0", text="other kind")
        run.ledger.spend("train", tokens=5, seconds=2.0)
    with open_run(tmp_path, "train", {}, {}) as run:
        assert run.events("revision") == {"0": {"text": "second"}}
        assert run.ledger.tokens == 5


@pytest.mark.parametrize("sign", ["\ud83d", "\u2028", "\x85", "\x00", "\r"])
def test_any_sign_a_model_may_utter_is_recorded(tmp_path: Path, sign: str) -> None:
    with open_run(tmp_path, "train", {"prompt": sign}, {}) as run:
        run.record("answer", sign, text=f"a{sign}b")
        run.describe("answer:1", "answer", f"a{sign}b")
        assert run.events("answer") == {sign: {"text": f"a{sign}b"}}
        run.seal()
    assert open_run(tmp_path, "train", {"prompt": sign}, {}).sealed
    assert read_lineage(tmp_path).nodes["answer:1"].label == f"a{sign.encode(errors='replace').decode()}b"


def test_an_input_may_lie_under_a_name_that_is_no_text(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"votes\xff")
    try:
        odd.write_text("votes")
    except OSError:
        pytest.skip("this file system keeps names that are text only")
    with open_run(tmp_path / "out", "listen", {}, {"votes": odd}) as run:
        (run.artefacts / odd.name).write_text("an artefact named so too")
        run.seal()
    assert open_run(tmp_path / "out", "listen", {}, {"votes": odd}).sealed
    assert verify(run.path) == []


@pytest.mark.parametrize("how", ["record", "metric"])
def test_what_was_spent_so_far_is_on_the_disk_with_every_step(tmp_path: Path, how: str) -> None:
    with open_run(tmp_path, "train", {}, {}) as run, run.ledger.timed("train"):
        time.sleep(0.02)
        run.record("item", "1") if how == "record" else run.metric(loss=1)
        assert json.loads((run.path / "ledger.json").read_text())["steps"]["train"]["seconds"] >= 0.02


def test_links_of_an_abandoned_attempt_leave_no_trace(tmp_path: Path) -> None:
    with open_run(tmp_path, "train", {}, {}) as run:
        run.link("lesson:old", "principle:a", Role.SELECTS)
        run.describe("lesson:old", "lesson", "old")
    with open_run(tmp_path, "train", {}, {}) as run:
        run.link("lesson:new", "principle:a", Role.SELECTS)
        run.seal()
    assert "old" not in (run.path / "lineage.jsonl").read_text()
    assert not (run.artefacts / "index.jsonl").exists()


def learn(out: Path, spent: list[int]) -> None:
    """Learn ten items of 60 tokens each within a budget of 100 tokens."""
    with open_run(out, "train", {}, {}) as run:
        run.ledger.limit(seconds=None, tokens=100)
        for item in range(10):
            run.ledger.spend("train", tokens=60)
            run.record("item", str(item))
            spent.append(item)
            run.ledger.check()


def test_a_budget_counts_what_earlier_attempts_spent(tmp_path: Path) -> None:
    spent: list[int] = []
    for _ in range(2):
        with pytest.raises(Incomplete):
            learn(tmp_path, spent)
    assert spent == [0, 1, 0]
    assert open_run(tmp_path, "train", {}, {}).ledger.tokens == 180


def test_where_each_attempt_ran_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (["one"], ["two"], ["two"], ["three"]):
        monkeypatch.setattr(sys, "argv", arguments)
        with open_run(tmp_path, "train", {}, {}) as run:
            pass
    kept = json.loads((run.path / "environment.json").read_text())
    assert [e["arguments"] for e in (*kept["earlier"], kept)] == [["one"], ["two"], ["three"]]


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.text(st.characters(), max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
quiet = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quiet
@given(values=st.lists(plain, min_size=1, max_size=5), cut=st.integers(0, 10**6), garbage=st.binary(max_size=4))
def test_a_log_torn_anywhere_keeps_what_was_whole_and_can_be_written_on(
    tmp_path: Path, values: list[Any], cut: int, garbage: bytes
) -> None:
    with open_run(tmp_path, "train", {}, {}, fresh=True) as run:
        for key, value in enumerate(values):
            run.record("item", str(key), value=value)
    log = run.path / "events.jsonl"
    whole = log.read_bytes()
    torn = whole[: cut % (len(whole) + 1)]
    # a line that lacks nothing but its end is whole
    lacks_its_end = whole[len(torn) : len(torn) + 1] == b"\n"
    kept = torn.count(b"\n") + lacks_its_end
    in_a_line = torn[-1:] not in {b"", b"\n"} and not lacks_its_end
    log.write_bytes(torn + (garbage.replace(b"\n", b"") if in_a_line else b""))
    with open_run(tmp_path, "train", {}, {}) as run:
        assert run.events("item") == {str(key): {"value": value} for key, value in enumerate(values[:kept])}
        run.record("item", "more", value="after the tear")
    assert set(run.events("item")) == {*map(str, range(kept)), "more"}


def test_a_stage_killed_in_its_midst_goes_on_and_ends_in_the_same_hash(tmp_path: Path) -> None:
    uninterrupted = finish(RUN_STAGE, tmp_path / "whole", 12, 0)
    out = tmp_path / "killed"
    killed = start(RUN_STAGE, out, 12, 0.05)
    wait_for(out / "stage" / "events.jsonl", 5)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (out / "stage" / "seal.json").exists()
    spent_before = json.loads((out / "stage" / "ledger.json").read_text())["seconds"]
    assert spent_before >= 0.2
    assert finish(RUN_STAGE, out, 12, 0) == uninterrupted
    assert verify(out / "stage") == []
    assert json.loads((out / "stage" / "ledger.json").read_text())["seconds"] >= spent_before
    # what was recorded is not paid for twice; the item at work when the kill came may be
    paid = (out / "paid.txt").read_text().split()
    assert set(paid) == {str(i) for i in range(12)}
    assert len(paid) <= 13


# forks a stage again and again and kills it at its first, second, third … touch of the file system
KILLER = (
    STAGE
    + '''
import os, signal
TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.truncate", "shutil.rmtree", "fcntl.flock"}

def attempt(out, at, fresh):
    """Run the stage in a fork; kill it at touch number `at`. Return whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            if at:
                count = 0
                def hook(event, arguments):
                    nonlocal count
                    if event in TOUCHES:
                        count += 1
                        if count == at:
                            os.kill(os.getpid(), signal.SIGKILL)
                sys.addaudithook(hook)
            if fresh:
                open_run(out, "stage", {"items": 2}, {}, fresh=True).__exit__(None, None, None)
            stage(out, 2)
        finally:
            sys.stdout.flush()
            os._exit(1 if sys.exc_info()[0] else 0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)

root, fresh = Path(sys.argv[1]), sys.argv[2] == "fresh"
root.mkdir()
(root / "whole").mkdir()
whole = stage(root / "whole", 2)
at, killed = 1, True
while killed:
    out = root / f"at{at}"
    out.mkdir()
    if fresh:
        stage(out, 2)
    killed = attempt(out, at, fresh)
    assert not attempt(out, 0, False)
    from folkmoot.runs import verify
    assert verify(out / "stage") == [], (at, verify(out / "stage"))
    assert stage(out, 2) == whole, at
    left = {p.name for p in out.iterdir()} - {"stage", "paid.txt", ".stage.lock", ".stage.scratch"}
    assert not left, left
    at += 1
print(at)
'''
)


@pytest.mark.parametrize("how", ["new", "fresh"])
def test_a_kill_at_any_touch_of_the_disk_changes_nothing_in_the_end(tmp_path: Path, how: str) -> None:
    assert int(finish(KILLER, tmp_path / "out", how)) > 40


def test_an_interrupt_leaves_a_run_to_go_on_with(tmp_path: Path) -> None:
    uninterrupted = finish(RUN_STAGE, tmp_path / "whole", 8, 0)
    out = tmp_path / "out"
    process = start(RUN_STAGE, out, 8, 0.05)
    wait_for(out / "stage" / "events.jsonl", 3)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=30)[1]
    assert not (out / "stage" / "seal.json").exists()
    assert finish(RUN_STAGE, out, 8, 0) == uninterrupted
    assert len((out / "paid.txt").read_text().split()) <= 9


# ------------------------------------------------------------------ two at once


def test_two_processes_do_not_write_one_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(RUN_STAGE, out, 1000, 0.02)
    try:
        wait_for(out / "stage" / "events.jsonl", 1)
        for fresh in (False, True):
            with pytest.raises(FolkmootError, match=f"another process \\(pid {process.pid}\\) is at work"):
                open_run(out, "stage", {"items": 1000}, {}, fresh=fresh)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    with open_run(out, "stage", {"items": 1000}, {}) as run:
        assert run.events("answer")
        with pytest.raises(FolkmootError, match="another process"):
            open_run(out, "stage", {"items": 1000}, {})


def test_a_sealed_run_is_reused_where_nothing_can_be_written(tmp_path: Path) -> None:
    run = sealed(tmp_path / "out")
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)
    shutil.copytree(run.path, tmp_path / "copy" / "draft")
    assert open_run(tmp_path / "copy", "draft", {"threshold": 0.5}, {}).artefact_hash == run.artefact_hash
    assert [p.name for p in (tmp_path / "copy").iterdir()] == ["draft"]  # not even a lock


# ------------------------------------------------------------------ a full disk

FULL_DISK = (
    STAGE
    + """
from folkmoot.errors import FolkmootError
from folkmoot.runs import verify
disk, whole = Path(sys.argv[1]), sys.argv[2]
filler = disk / "filler"
errors = 0
for free in range(16 * 1024, 400 * 1024, 20 * 1024):
    # leave a little more room each time, so that it gets full in different places
    filler.unlink(missing_ok=True)
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    import os
    os.truncate(filler, max(0, filler.stat().st_size - free))
    try:
        stage(disk / "out", 40, ballast=2000)
        break
    except FolkmootError as error:
        errors += 1
        assert "disk is full" in str(error), error
        assert "free some space" in str(error)
        assert not (disk / "out" / "stage" / "seal.json").exists()
filler.unlink(missing_ok=True)
assert stage(disk / "out", 40, ballast=2000) == whole
assert verify(disk / "out" / "stage") == []
print(errors)
"""
)
WHOLE = STAGE + "\nout = Path(sys.argv[1])\nout.mkdir()\nprint(stage(out, 40, ballast=2000))\n"


@pytest.fixture
def namespace() -> Iterator[list[str]]:
    """A mount namespace of its own, so that a small disk goes away with the process that filled it."""
    for prefix in (["unshare", "-m"], ["unshare", "-Urm"]):
        if shutil.which("unshare") is None:
            break
        asked = [*prefix, "sh", "-c", 'mount -t tmpfs -o size=64k small "$(mktemp -d)"']
        if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            yield prefix
            return
    pytest.skip("mounting a small disk needs unshare and the right to mount; the file-size test stands in for it")


def test_a_full_disk_says_so_and_leaves_a_run_to_go_on_with(tmp_path: Path, namespace: list[str]) -> None:
    whole = finish(WHOLE, tmp_path / "whole")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = f'mount -t tmpfs -o size=600k small "{disk}" && mkdir "{disk}/out" && exec "$@"'
    asked = [*namespace, "sh", "-c", mounted, "sh", sys.executable, "-c", FULL_DISK, str(disk), whole]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 2


FILE_LIMIT = (
    STAGE
    + """
import resource
from folkmoot.errors import FolkmootError
out = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    stage(out, 40, ballast=2000)
except FolkmootError as error:
    print(error)
assert not (out / "stage" / "seal.json").exists()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert stage(out, 40, ballast=2000) == sys.argv[3]
"""
)


@pytest.mark.parametrize("limit", [100, 3000, 30_000, 81_000])
def test_a_write_cut_short_by_a_limit_leaves_a_run_to_go_on_with(tmp_path: Path, limit: int) -> None:
    whole = finish(WHOLE, tmp_path / "whole")
    (tmp_path / "out").mkdir()
    assert "disk is full" in finish(FILE_LIMIT, tmp_path / "out", limit, whole)


@pytest.mark.parametrize("words", ["I/O error: No space left on device (os error 28)", "write failed: os error 28"])
def test_a_full_disk_met_by_other_writers_is_said_too(tmp_path: Path, words: str) -> None:
    with pytest.raises(FolkmootError, match="disk is full"), open_run(tmp_path, "train", {}, {}):
        raise RuntimeError(words)
    with pytest.raises(RuntimeError, match="a bug"), open_run(tmp_path, "train", {}, {}):
        raise RuntimeError("a bug")


# ------------------------------------------------------------------ verifying


def test_verify_finds_a_file_changed_missing_or_added(tmp_path: Path) -> None:
    run = sealed(tmp_path)
    inside = run.artefacts / "folder" / "result.txt"
    for file in sorted(p for p in run.path.rglob("*") if p.is_file() and p.name != "seal.json"):
        kept = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(kept + b" ")
        assert (
            any("changed" in p and str(file) in p for p in verify(run.path)) or "cannot be read" in verify(run.path)[0]
        )
        file.unlink()
        assert verify(run.path) != []
        file.write_bytes(kept)
        assert verify(run.path) == []
    inside.unlink()
    assert verify(run.path) == [f"{inside}: missing"]
    inside.write_text("result of draft\n")
    for added in ("note.txt", "artefacts/x.tmp", ".hidden", "report/seal.json"):
        (run.path / added).write_text("")
        assert verify(run.path) == [f"{run.path / added}: added after sealing"]
        (run.path / added).unlink()
    (run.path / "linked").symlink_to(tmp_path)
    assert verify(run.path) == [f"{run.path / 'linked'}: added after sealing"]


def test_verify_finds_a_file_replaced_by_a_link_to_its_copy(tmp_path: Path) -> None:
    run = sealed(tmp_path / "out")
    file = run.artefacts / "folder" / "result.txt"
    shutil.move(file, tmp_path / "elsewhere.txt")
    file.symlink_to(tmp_path / "elsewhere.txt")
    assert verify(run.path) == [f"{file}: changed"]


@pytest.mark.parametrize(
    "seal",
    ["", "{", "[]", "null", "{}", '{"artefact_hash": 3}', '{"artefact_hash": "a", "folkmoot": "1", "files": []}'],
)
def test_a_torn_seal_is_found_and_trusted_by_nobody(tmp_path: Path, seal: str) -> None:
    run = sealed(tmp_path)
    write_over(run.path / "seal.json", seal)
    assert verify(run.path) == [f"{run.path / 'seal.json'}: the seal is torn or was changed"]
    assert list_runs(tmp_path)[0]["state"] == "torn"
    with pytest.raises(FolkmootError, match="seal is torn"):
        open_run(tmp_path, "draft", {"threshold": 0.5}, {})
    with open_run(tmp_path, "draft", {"threshold": 0.5}, {}, fresh=True) as again:
        again.seal()
    assert verify(run.path) == []


def test_a_seal_that_lists_other_files_or_another_hash_is_found(tmp_path: Path) -> None:
    run = sealed(tmp_path)
    seal = json.loads((run.path / "seal.json").read_text())
    write_over(run.path / "seal.json", json.dumps({**seal, "artefact_hash": "0" * 64}))
    assert len(verify(run.path)) == 1
    assert "does not follow" in verify(run.path)[0]
    # an artefact and its entry changed together
    file = run.artefacts / "folder" / "result.txt"
    write_over(file, "better result\n")
    seal["files"]["artefacts/folder/result.txt"] = folkmoot.runs.file_hash(file)
    write_over(run.path / "seal.json", json.dumps(seal))
    assert len(verify(run.path)) == 1
    assert "does not follow" in verify(run.path)[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", "["),
        ("config.json", "{}"),
        ("inputs.json", "[]"),
        ("inputs.json", '{"a": {}}'),
        ("inputs.json", ""),
        ("inputs.json", '{"a": 3}'),
    ],
)
def test_broken_records_are_problems_and_no_traceback(tmp_path: Path, name: str, text: str) -> None:
    run = sealed(tmp_path)
    write_over(run.path / name, text)
    assert verify(run.path) != []


def test_a_chain_is_followed(tmp_path: Path) -> None:
    listened = sealed(tmp_path / "out", "listen")
    drafted = sealed(tmp_path / "out", "draft", listen=listened)
    assert json.loads((drafted.path / "inputs.json").read_text()) == {
        "listen": {"run": "listen", "hash": listened.artefact_hash}
    }
    was_read = listened.artefact_hash
    shutil.move(tmp_path / "out", tmp_path / "moved")  # paths are relative, so a chain may travel
    path = tmp_path / "moved" / "draft"
    assert verification(path) == folkmoot.runs.Verification(())
    with open_run(tmp_path / "moved", "listen", {"threshold": 0.9}, {}, fresh=True) as other:
        assert "not sealed" in verify(path)[0]
        other.seal()
    (problem,) = verify(path)
    assert "input 'listen'" in problem
    assert was_read[:12] in problem
    assert other.artefact_hash[:12] in problem
    shutil.rmtree(other.path)
    result = verification(path)
    assert result.problems == ()
    assert "not compared" in result.unchecked[0]


def test_a_run_not_sealed_cannot_be_verified(tmp_path: Path) -> None:
    with open_run(tmp_path, "draft", {}, {}) as run:
        assert verify(run.path) == [f"{run.path}: the run is not sealed"]
    assert verify(tmp_path / "nowhere") == [f"{tmp_path / 'nowhere'}: the run is not sealed"]


@quiet
@given(data=st.data())
def test_any_single_changed_byte_is_found(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "out" / "draft"
    if not path.exists():
        sealed(tmp_path / "out")
    file = data.draw(st.sampled_from(sorted(p for p in path.rglob("*") if p.is_file())))
    kept = file.read_bytes()
    place = data.draw(st.integers(0, len(kept) - 1))
    changed = bytearray(kept)
    changed[place] ^= data.draw(st.integers(1, 255))
    file.chmod(0o644)
    file.write_bytes(bytes(changed))
    try:
        # the seal's own bytes are JSON: another white space in them says the same
        same = file.name == "seal.json" and _same_json(bytes(changed), kept)
        assert same or verify(path) != []
    finally:
        file.write_bytes(kept)


def _same_json(one: bytes, other: bytes) -> bool:
    try:
        left, right = json.loads(one), json.loads(other)
    except ValueError:
        return False
    # which version sealed it is not hashed
    return {**left, "folkmoot": ""} == {**right, "folkmoot": ""}


# ------------------------------------------------------------------ listing


def test_runs_are_listed_in_the_order_they_began(tmp_path: Path) -> None:
    sealed(tmp_path / "demo", "zebra")
    with open_run(tmp_path / "demo", "ant", {}, {}) as run:
        run.ledger.spend("ant", tokens=7, seconds=3600.0)
    os.utime(tmp_path / "demo" / "zebra" / "config.json", (1, 1))
    (tmp_path / "demo" / ".old.removed").mkdir()
    (tmp_path / "demo" / ".old.removed" / "inputs.json").write_text("{}")
    rows = list_runs(tmp_path / "demo")
    assert [(r["name"], r["state"], r["sealed"], r["tokens"]) for r in rows] == [
        ("zebra", "sealed", True, 0),
        ("ant", "unfinished", False, 7),
    ]
    assert rows[1]["artefact_hash"] is None
    assert rows[1]["wh"] > 0
    assert find_runs(tmp_path) == find_runs(tmp_path / "demo")
    assert find_runs(tmp_path / "demo" / "ant") == [tmp_path / "demo" / "ant"]


def test_a_folder_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FolkmootError, match="no run here"):
        list_runs(tmp_path)
    with pytest.raises(FolkmootError, match="no such folder"):
        find_runs(tmp_path / "nowhere")


def test_a_run_shows_what_it_is(tmp_path: Path) -> None:
    shown = show_run(sealed(tmp_path).path)
    assert shown["config"] == {"threshold": 0.5}
    assert shown["artefacts"]["artefacts/folder/result.txt"] == 16
    assert shown["environment"]["folkmoot"] == folkmoot.__version__
