"""The verbs as a user calls them: help without torch, JSON alone on standard output, exit codes, messages."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "harbour-town"
FEW = "[train]\nlessons = 4\nlayers = 2\nlora_rank = 4\n[evaluate]\nhonesty_phrasings = 2\nanswers = 1\nanswer_tokens = 4\n"


def folkmoot(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "folkmoot.cli", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"},
    )


def test_help_lists_the_verbs_in_the_order_of_the_road_and_starts_without_torch() -> None:
    code = (
        "import sys\nfrom folkmoot.cli import app\nfrom typer.testing import CliRunner\n"
        "print(CliRunner().invoke(app, ['--help'], terminal_width=120).stdout)\n"
        "heavy = {'torch', 'transformers', 'trl', 'peft', 'sklearn', 'scipy', 'polars'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "heavy: []" in printed
    verbs = ["run", "listen", "draft", "train", "evaluate", "chat", "trace", "runs", "models"]
    assert re.findall(r"^│ ([a-z]+) ", printed, re.MULTILINE) == verbs


def test_draft_prints_json_alone_and_talks_on_standard_error(tmp_path: Path) -> None:
    done = folkmoot("draft", EXAMPLE, "--out", tmp_path / "run", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert Path(found["constitution"]).is_file()
    assert found["stances"]["risk-warnings"] == "warns"
    assert "drafting" in done.stderr
    read = folkmoot("draft", EXAMPLE, "--out", tmp_path / "run")
    assert f"{found['principles_from_public']} of them from a public's statements" in read.stdout


def test_a_public_that_did_not_speak_of_an_assistant_is_said_to_have_given_nothing(tmp_path: Path) -> None:
    (tmp_path / "statements.csv").write_text("statement,text\ns1,Build a skating rink.\ns2,Taxis cost too much.\n")
    votes = [f"p{person},{statement},1" for person in range(40) for statement in ("s1", "s2")]
    (tmp_path / "votes.csv").write_text("\n".join(["participant,statement,vote", *votes]))
    done = folkmoot("draft", tmp_path, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "0 principles come from this public; only the sources speak" in done.stderr
    assert "has to be about how an assistant should behave" in done.stderr


def test_a_dry_run_says_what_it_will_cost_and_writes_nothing(tmp_path: Path) -> None:
    done = folkmoot(
        "run", "--consultation", EXAMPLE, "--out", tmp_path / "run", "--scale", "small", "--dry-run", "--json"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["training_runs"] == 12
    assert found["seconds"] > 60
    read = folkmoot("run", "--consultation", EXAMPLE, "--out", tmp_path / "run", "--scale", "small", "--dry-run")
    steps = [line.split()[0] for line in read.stdout.splitlines()]
    assert steps[:5] == ["listen", "draft", "train.supervised", "train.preference", "evaluate.exam"]
    assert re.search(rf"^together +{found['tokens']:,} tokens .* (min|s) ", read.stdout, re.MULTILINE)
    assert "12 models to train" in read.stdout
    assert not (tmp_path / "run").exists()


def test_train_evaluate_and_chat_go_from_a_file_to_a_model_to_answers(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "folkmoot.toml").write_text(FEW)
    drafted = json.loads(folkmoot("draft", EXAMPLE, "--out", tmp_path / "drafted", "--json").stdout)
    trained = folkmoot(
        *("train", drafted["constitution"], "--student", tiny_model, "--out", "trained", "--json"), folder=tmp_path
    )
    assert trained.returncode == 0, trained.stderr
    model = json.loads(trained.stdout)["model"]
    own = tmp_path / "private.jsonl"
    own.write_text("".join((ROOT / "src/folkmoot/train/dev.jsonl").read_text().splitlines(keepends=True)[:9]))
    examined = folkmoot(
        *(
            "evaluate",
            model,
            "--constitution",
            drafted["constitution"],
            "--exam",
            own,
            "--against",
            tiny_model,
            "--json",
        ),
        folder=tmp_path,
    )
    assert examined.returncode == 0, examined.stderr
    found = json.loads(examined.stdout)
    assert set(found["exam"]) == {model, str(tiny_model)}
    assert found["effects"]["first_vs_second"].keys() == {"diff", "ci", "n"}
    assert found["effects"]["first_vs_second_nats"]["n"] == found["effects"]["first_vs_second"]["n"]
    talk = subprocess.run(
        [sys.executable, "-m", "folkmoot.cli", "chat", model, "--compare", tiny_model, "--max-tokens", "3"],
        cwd=tmp_path,
        input="Hello?\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert talk.stdout.count(":") >= 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("run", "--consultation", "nowhere"), 1, "there is no consultation at this path"),
        (("run",), 2, "give a --consultation or a --constitution"),
        (("run", "--consultation", EXAMPLE, "--scale", "huge"), 2, "--scale"),
        (("run", "--consultation", EXAMPLE, "--sources", "koran"), 2, "koran"),
        (("run", "--consultation", EXAMPLE, "--student", "gpt-9"), 2, "there is no model 'gpt-9'"),
        (("run", "--consultation", EXAMPLE, "--teacher", "aristotle"), 2, "there is no teacher 'aristotle'"),
        (("run", "--consultation", EXAMPLE, "--config", "none.toml"), 1, "cannot read the settings"),
        (("train", "none.yaml"), 1, "none.yaml"),
        (("evaluate", "smollm2", "--constitution", "none.yaml"), 1, "none.yaml"),
        (("trace", "principle:0", "--run", "nowhere"), 1, "nowhere"),
        (("models", "get", "gpt-9"), 2, "there is no embedded model 'gpt-9'"),
    ],
)
def test_a_mistake_is_one_message_without_a_traceback(
    arguments: tuple[object, ...], code: int, says: str, tmp_path: Path
) -> None:
    done = folkmoot(*arguments, folder=tmp_path)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) < 25
    assert done.returncode == code


def test_a_budget_that_runs_out_ends_in_3_and_an_interrupt_in_130(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "folkmoot.toml").write_text(FEW.replace("lessons = 4", "lessons = 600"))
    asked = ("run", "--consultation", EXAMPLE, "--student", tiny_model, "--until", "train", "--out", "run")
    done = folkmoot(*asked, "--budget-tokens", "5", folder=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "run the same command with a larger budget" in done.stderr
    # whoever started the tests may ignore interrupts, and a child inherits that
    heedful = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from folkmoot.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", heedful, *map(str, asked), "--out", "again"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 120
    events = tmp_path / "again" / "train" / "metrics.jsonl"
    while not events.is_file() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
