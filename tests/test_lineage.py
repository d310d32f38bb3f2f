"""A trace walks up and down over stage runs, names no participant, and calls no change of score causal."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from folkmoot.errors import FolkmootError
from folkmoot.lineage import NOT_CAUSAL, Link, Role, Step, names_participant, read_lineage, read_links, trace
from folkmoot.runs import Run, open_run


def sealed(out: Path, name: str, *, links: tuple[tuple[str, str, Role, float], ...] = (), **inputs: Run) -> Run:
    with open_run(out, name, {"stage": name}, inputs) as run:
        for child, parent, role, weight in links:
            run.link(child, parent, role, weight)
            for id_ in (child, parent):
                run.describe(id_, id_.partition(":")[0], f"the {id_}")
        run.seal()
    return run


@pytest.fixture
def road(tmp_path: Path) -> Path:
    """Statement 1 and an article support a principle; it selects a lesson and examines an item."""
    drafted = sealed(
        tmp_path,
        "draft",
        links=(
            ("principle:aa11", "statement:1", Role.SUPPORTS, 1.0),
            ("principle:aa11", "article:udhr:19", Role.FOUNDS, 1.0),
            ("principle:bb22", "statement:1", Role.SUPPORTS, 1.0),
        ),
    )
    trained = []
    for name, drawn in (("train", 3.0), ("train.shuffled.s0", 2.0)):
        links = (
            ("lesson-01", "principle:aa11", Role.SELECTS, drawn),
            (f"model:{name}", "lesson-01", Role.TRAINS, drawn),
        )
        trained.append(sealed(tmp_path, name, links=links, draft=drafted))
    with open_run(tmp_path, "evaluate", {}, {"draft": drafted, "train": trained[0]}) as run:
        run.link("exam-07", "principle:aa11", Role.EXAMINES)
        run.describe("exam-07", "exam item", "a question", item_score_before=0.0, item_score_after=1.0)
        run.link("score:cc33", "exam-07", Role.SCORES)
        run.describe("score:cc33", "score", "the score")
        run.seal()
    return tmp_path


def reached(steps: tuple[Step, ...]) -> dict[str, set[str]]:
    """Roles by id of all that a walk shows."""
    found: dict[str, set[str]] = {}
    for step in steps:
        found.setdefault(step.node.id, set()).add(step.role)
        for id_, roles in reached(step.steps).items():
            found.setdefault(id_, set()).update(roles)
    return found


def test_a_principle_is_traced_up_and_down_over_all_runs(road: Path) -> None:
    traced = trace("principle:aa11", road)
    assert reached(traced.up) == {"statement:1": {"supports"}, "article:udhr:19": {"founds"}}
    assert reached(traced.down) == {
        "lesson-01": {"selects"},
        "model:train": {"trains"},
        "model:train.shuffled.s0": {"trains"},
        "exam-07": {"examines"},
        "score:cc33": {"scores"},
    }
    (lesson,) = (step for step in traced.down if step.node.id == "lesson-01")
    assert lesson.weights == {"train": 3.0, "train.shuffled.s0": 2.0}
    assert lesson.node.label == "the lesson-01"


def test_an_item_is_traced_back_to_statement_and_article(road: Path) -> None:
    assert set(reached(trace("exam-07", road).up)) == {"principle:aa11", "statement:1", "article:udhr:19"}
    assert set(reached(trace("statement:1", road).down)) >= {
        "principle:aa11",
        "principle:bb22",
        "exam-07",
        "model:train",
    }


def test_every_change_of_a_score_is_labelled_as_not_causal(road: Path) -> None:
    shown = trace("principle:aa11", road).as_json()
    (item,) = (step for step in shown["down"] if step["id"] == "exam-07")
    assert item["note"] == NOT_CAUSAL
    assert item["then"][0]["note"] == NOT_CAUSAL
    assert trace("score:cc33", road).as_json()["up"][0]["note"] == NOT_CAUSAL
    assert trace("exam-07", road).as_json()["note"].endswith(NOT_CAUSAL)
    assert "note" not in trace("statement:1", road).as_json()["down"][0]


@pytest.mark.parametrize("asked", ["principle:aa11", "principle:a", "aa", "principle:aa1"])
def test_the_beginning_of_an_id_is_enough_where_it_is_one(road: Path, asked: str) -> None:
    assert trace(asked, road).node.id == "principle:aa11"


def test_the_beginning_of_several_names_them(road: Path) -> None:
    with pytest.raises(FolkmootError, match="2 records begin with 'principle'") as error:
        trace("principle", road)
    assert "principle:aa11, principle:bb22" in error.value.do


def test_an_unknown_id_suggests_near_ones(road: Path) -> None:
    with pytest.raises(FolkmootError, match="no record 'principel:aa1'") as error:
        trace("principel:aa1", road)
    assert "principle:aa11" in error.value.do


def test_one_stage_run_stands_for_its_folder(road: Path) -> None:
    assert trace("principle:aa11", road / "train") == trace("principle:aa11", road)


def test_a_parent_in_another_folder_is_read_too(tmp_path: Path) -> None:
    links = (("principle:aa", "statement:1", Role.SUPPORTS, 1.0),)
    drafted = sealed(tmp_path / "first", "draft", links=links)
    links = (("lesson-01", "principle:aa", Role.SELECTS, 1.0),)
    sealed(tmp_path / "second", "train", links=links, draft=drafted)
    assert set(reached(trace("lesson-01", tmp_path / "second").up)) == {"principle:aa", "statement:1"}


def test_only_sealed_runs_are_read_and_the_others_named(road: Path) -> None:
    with open_run(road, "train.s1", {}, {}) as run:
        run.link("lesson-99", "principle:aa11", Role.SELECTS)
    traced = trace("principle:aa11", road)
    assert "lesson-99" not in reached(traced.down)
    assert traced.unfinished == ("train.s1",)
    assert traced.as_json()["unfinished"] == ["train.s1"]


# ------------------------------------------------------------------ participants


@pytest.mark.parametrize("id_", ["participant:7", " Participant:7", "PARTICIPANT:", "participant:7:vote"])
def test_participants_are_not_traced(road: Path, id_: str) -> None:
    with pytest.raises(FolkmootError, match="not traced"):
        trace(id_, road)


def test_participants_are_written_into_no_run(tmp_path: Path) -> None:
    with open_run(tmp_path, "draft", {}, {}) as run:
        with pytest.raises(ValueError, match="participants"):
            run.link("principle:a", "participant:7", Role.SUPPORTS)
        with pytest.raises(ValueError, match="participants"):
            run.link("participant:7", "principle:a", Role.SUPPORTS)
        with pytest.raises(ValueError, match="participants"):
            run.describe("participant:7", "participant", "Jo")
        with pytest.raises(ValueError, match="participants"):
            run.describe("statement:1", "statement", "Be kind", votes=[{"by": "participant:7"}])
        run.describe("statement:1", "statement", "Participant: a word a statement may begin with")
        assert not (run.path / "lineage.jsonl").exists()


def test_participants_in_a_foreign_run_are_withheld_and_counted(road: Path) -> None:
    link = {"child": "principle:aa11", "parent": "participant:7", "role": "supports", "weight": 1.0}
    path = road / "draft" / "lineage.jsonl"
    path.chmod(0o644)
    path.write_text(path.read_text() + json.dumps(link) + "\n")
    index = road / "draft" / "artefacts" / "index.jsonl"
    index.chmod(0o644)
    told = {"id": "statement:1", "kind": "statement", "label": "x", "detail": {"author": "participant:7"}}
    index.write_text(index.read_text() + json.dumps(told) + "\n")
    traced = trace("principle:aa11", road)
    assert traced.withheld == 1
    assert "participant:" not in json.dumps(traced.as_json())
    with pytest.raises(FolkmootError) as error:
        trace("partic", road)
    assert "participant:7" not in str(error.value)


nested = st.recursive(
    st.one_of(st.integers(), st.text(max_size=8), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
)


@given(nested, nested)
def test_an_id_of_a_participant_is_found_at_any_depth(before: object, after: object) -> None:
    assert names_participant([before, {"by": [{"x": "participant:5"}]}, after])
    assert names_participant({"participant:5": before})


# ------------------------------------------------------------------ files as they may be


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"child": "a"}',
        '{"child": "a", "parent": "b", "role": "causes", "weight": 1}',
        '{"child": 1}',
        "\x00",
    ],
)
def test_a_line_that_is_no_link_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "lineage.jsonl"
    path.write_text('{"child": "a", "parent": "b", "role": "selects", "weight": 2}\n' + line + "\n")
    with pytest.raises(FolkmootError, match="cannot be read") as error:
        read_links(path)
    assert error.value.where == f"{path}, line 2"


def test_a_folder_without_finished_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FolkmootError, match="no finished run"):
        trace("a", tmp_path)
    with pytest.raises(FolkmootError, match="no such folder"):
        trace("a", tmp_path / "nowhere")


def test_a_chain_too_deep_to_walk_is_an_error(tmp_path: Path) -> None:
    sealed(tmp_path, "draft", links=tuple((f"e{i}", f"e{i + 1}", Role.EDITS, 1.0) for i in range(120)))
    with pytest.raises(FolkmootError, match="deeper"):
        trace("e0", tmp_path)
    assert trace("e60", tmp_path).node.id == "e60"


signs = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).filter(lambda t: not names_participant(t))
some_links = st.lists(st.builds(Link, signs, signs, st.sampled_from(Role), st.floats(0, 1e6)), max_size=12)
quiet = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quiet
@given(links=some_links)
def test_links_come_back_as_written_whatever_signs_they_hold(tmp_path: Path, links: list[Link]) -> None:
    with open_run(tmp_path, "draft", {}, {}, fresh=True) as run:
        for link in links:
            run.link(link.child, link.parent, link.role, link.weight)
            run.describe(link.child, "kind", link.parent)
        run.seal()
    last = {(link.child, link.parent, link.role): link for link in links}
    assert sorted(read_links(run.path / "lineage.jsonl"), key=str) == sorted(last.values(), key=str)
    assert {n.id: n.label for n in read_lineage(tmp_path).nodes.values()} == {link.child: link.parent for link in links}


@quiet
@given(pairs=st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=20))
def test_a_walk_ends_in_any_graph_and_up_is_the_mirror_of_down(tmp_path: Path, pairs: set[tuple[int, int]]) -> None:
    links = tuple((f"n{child}", f"n{parent}", Role.EDITS, 1.0) for child, parent in sorted(pairs))
    with open_run(tmp_path, "draft", {}, {}, fresh=True) as run:
        for link in links:
            run.link(*link)
        run.seal()
    names = {name for link in links for name in link[:2]}
    up = {name: set(reached(trace(name, tmp_path).up)) for name in names}
    down = {name: set(reached(trace(name, tmp_path).down)) for name in names}
    assert {(a, b) for a in names for b in up[a]} == {(a, b) for b in names for a in down[b]}
    # and it is the whole of it: reachability by repeated composition
    whole = {(child, parent) for child, parent, *_ in links}
    while more := {(a, d) for a, b in whole for c, d in whole if b == c} - whole:
        whole |= more
    assert {(a, b) for a in names for b in up[a]} == whole
