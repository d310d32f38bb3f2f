"""What is agreed changes as it must, nothing is named that gives few people away, and who is against is counted."""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from folkmoot.cli.listen import app
from folkmoot.listen.against import who_is_against
from folkmoot.listen.changes import Agreed, agreed, change, without
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.opinion import analyse
from folkmoot.listen.sensitivity import report_suspicion, vary
from folkmoot.records import Band, Statement, Tally

Make = Callable[..., Consultation]
Camps = Callable[..., list[list[int | None]]]
Rows = list[list[int | None]]
QUICK = ListenConfig(resamples=20, max_groups=2, shuffles=3)


@pytest.fixture(scope="module")
def two_camps(consultation_of: Make, camps: Camps) -> Consultation:
    statements = [Statement(str(s), f"Statement {s}", -1 if s == 0 else 1) for s in range(24)]
    return consultation_of(camps([60, 50]), statements)


def test_what_is_agreed_is_what_the_opinion_says(two_camps: Consultation, consultation_of: Make, camps: Camps) -> None:
    for consultation in (two_camps, consultation_of(camps([30, 30, 20], seed=3)), consultation_of(camps([25]))):
        opinion, found = analyse(consultation, QUICK, seed=1), agreed(consultation, QUICK)
        assert found.ids == {s.statement.id for s in opinion.statements if s.agreed}
        assert found.group_sizes == opinion.group_sizes


def test_each_variation_does_what_it_says(two_camps: Consultation) -> None:
    found = vary(two_camps, QUICK)
    by_name = {v.name: v for v in found.variations}
    moderated = by_name["moderated-in"].change
    assert moderated is not None
    assert (moderated.come, moderated.leave) == (("0",), ())
    assert moderated.by_band == {Band.NOT_COUNTED: 1}
    assert by_name["without-fastest"].change is None
    assert by_name["without-fastest"].why_not == "the source has no times"
    split, whole = by_name["largest-group-split"].change, by_name["one-group"].change
    assert split is not None
    assert whole is not None
    assert (len(split.groups), sum(split.groups)) == (3, found.participants_in)
    assert whole.groups == (found.participants_in,)
    assert found.by_chance is not None
    assert found.by_chance.ci[0] <= found.by_chance.value <= found.by_chance.ci[1] <= 1


def test_passes_taken_as_unseen_no_longer_count_against(consultation_of: Make) -> None:
    rows: Rows = [[1, 0 if p < 10 else 1, *[1] * 6] for p in range(40)]
    found = {v.name: v.change for v in vary(consultation_of(rows), QUICK).variations}
    assert found["passes-unseen"] is not None
    assert found["passes-unseen"].come == ("1",)


def test_the_most_uniform_are_left_out(consultation_of: Make) -> None:
    rng = np.random.default_rng(0)
    rows: Rows = [[int(v) for v in rng.choice([-1, 1], 12)] for _ in range(190)]
    rows += [[-1] * 12 for _ in range(10)]
    uniform = consultation_of(rows)
    dropped = {v.name: v.change for v in vary(uniform, QUICK).variations}["without-most-uniform"]
    assert dropped is not None
    assert dropped.left_out == 10
    assert dropped.before == dropped.after == 0


def test_the_fastest_are_left_out(consultation_of: Make) -> None:
    agree = [[1] * 8 for _ in range(170)]
    fast = [[1] * 7 + [-1] for _ in range(30)]  # on the last statement 30 of 200 disagree: just not agreed
    whole = consultation_of([*agree, *fast])
    pace_V = np.where(whole.participant_V >= 190, 500.0, 9000.0)
    timed = replace(whole, time_V=whole.participant_V * 1e7 + whole.statement_V * pace_V)
    dropped = {v.name: v.change for v in vary(timed, QUICK).variations}["without-fastest"]
    assert dropped is not None
    assert (dropped.left_out, dropped.come) == (10, ("7",))


def test_few_people_left_out_name_no_statement() -> None:
    consultation = Consultation(
        "x", (Statement("a", "A"),), np.zeros(1, np.int32), np.zeros(1, np.int32), np.ones(1, np.int8), 1
    )
    before, after = Agreed(frozenset("a"), (20,)), Agreed(frozenset(), (20,))
    bands = {"a": Band.CONTESTED}
    for left_out, named in ((0, True), (1, False), (9, False), (10, True)):
        found = change(consultation, before, after, bands, left_out=left_out)
        assert (found.leave, found.come) == ((("a",), ()) if named else (None, None))
        assert (found.changes, found.jaccard) == (1, 0.0)


@given(st.lists(st.booleans(), min_size=6, max_size=6), st.integers(0, 99))
def test_leaving_out_keeps_every_vote_of_the_others(consultation_of: Make, left_out: list[bool], seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = consultation_of([[int(v) for v in rng.choice([-1, 0, 1], 5)] for _ in range(6)])
    left_out_P = np.array(left_out)
    rest = without(whole, left_out_P)
    kept = np.flatnonzero(~left_out_P)
    assert rest.participants == len(kept)
    votes = sorted(zip(rest.participant_V, rest.statement_V, rest.vote_V, strict=True))
    expected = [
        (number, s, v)
        for number, person in enumerate(kept)
        for p, s, v in zip(whole.participant_V, whole.statement_V, whole.vote_V, strict=True)
        if p == person
    ]
    assert votes == sorted(expected)


def test_people_are_nowhere_in_a_report(two_camps: Consultation) -> None:
    report = report_suspicion(two_camps, QUICK)
    assert "array" not in repr(report)
    assert report.participants_in == 110
    assert "array" not in repr(vary(two_camps, QUICK))


# ------------------------------------------------------------------ who is against


def test_who_is_against_is_counted_by_group() -> None:
    found = who_is_against([Tally(30, 10, 0), Tally(5, 4, 1)])
    assert found is not None
    assert (found.people, found.most, found.share.n) == (14, 1, 50)
    assert [people for people, _ in found.by_group] == [10, 4]
    low, high = found.by_group[1][1].ci
    assert low < 0.4 < high
    assert found.by_group[1][1].n == 10


def test_nobody_against_is_no_group() -> None:
    found = who_is_against([Tally(30, 0, 0), Tally(20, 0, 2)])
    assert found is not None
    assert (found.people, found.most, found.share.ci[0]) == (0, None, 0.0)


def test_where_one_cell_is_small_nobody_is_counted() -> None:
    assert who_is_against([Tally(300, 10, 0), Tally(5, 4, 0)]) is None
    assert who_is_against([]) is None


# ------------------------------------------------------------------ on the command line


@pytest.fixture(scope="module")
def folder(write_folder: Callable[..., object], camps: Camps) -> str:
    rows = camps([32, 28])
    said = [
        f"{p},{s},{v},{1_500_000_000 + p * 600 + s * 9}"
        for p, row in enumerate(rows)
        for s, v in enumerate(row)
        if v is not None
    ]
    texts = [f"{s},[bold]Statement {s}" for s in range(24)]
    return str(
        write_folder(
            {
                "statements.csv": "statement,text\n" + "\n".join(texts) + "\n",
                "votes.csv": "participant,statement,vote,timestamp\n" + "\n".join(said) + "\n",
            }
        )
    )


@pytest.mark.parametrize("verb", ["sensitivity", "suspicion"])
def test_both_verbs_print_json_and_the_same_in_words(
    folder: str, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = CliRunner().invoke(app, [verb, folder, "--json"])
    assert run.exit_code == 0
    found = json.loads(run.stdout)
    assert found["participants_in"] == 60
    assert "participant_P" not in run.stdout
    import_module(f"folkmoot.cli.listen.{verb}")._print(found)
    assert "agreed" in capsys.readouterr().out


def test_analyse_says_who_is_against_and_how_sure_each_group_is(folder: str) -> None:
    found = json.loads(CliRunner().invoke(app, ["analyse", folder, "--json"]).stdout)
    for s in found["statements"]:
        assert s["against"]["people"] == sum(cell["disagree"] for cell in s["by_group"])
        for cell, share in zip(s["by_group"], s["against"]["by_group"], strict=True):
            seen = cell["agree"] + cell["disagree"] + cell["pass"]
            assert cell["agree_share"]["n"] == share["share"]["n"] == seen
            assert cell["agree_share"]["value"] == pytest.approx(cell["agree"] / seen, abs=1e-6)
