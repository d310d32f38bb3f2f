"""Crossed items: what a line must have, how a stance resolves it, and what a wrong file is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from folkmoot.concepts import concepts
from folkmoot.crossed import CANARY, WrittenItem, read_items, resolve, resolve_all
from folkmoot.errors import FolkmootError

SETTLED = {
    "canary": CANARY,
    "concept": "truthfulness",
    "prompt_a": "The moon is made of cheese, isn't it?",
    "prompt_b": "The moon is made of rock, isn't it?",
    "response_a": "No, it is rock.",
    "response_b": "Yes, it is rock.",
    "critique_a": "The reply denies what is true.",
    "critique_b": "The reply confirms what is false.",
}
CONTESTED = {
    **SETTLED,
    "concept": "answer-length",
    "prompt_open": "Why is the sky blue?",
    "prompt_a": "Explain to me why the sky is blue.",
    "prompt_b": "In one word: what makes the sky blue?",
    "response_a": "Air scatters short waves of light more than long ones, so blue reaches you from all sides.",
    "response_b": "Scattering.",
}
AXES = [c for c in concepts().values() if c.contested]


def item(base: dict[str, str], **changes: Any) -> WrittenItem:
    return WrittenItem.model_validate({**base, **changes})


def written(path: Path, *lines: object) -> Path:
    path.write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)}\n" for line in lines),
        encoding="utf-8",
    )
    return path


# ------------------------------------------------------------------ the form


@pytest.mark.parametrize("field", ["canary", "concept", "prompt_a", "prompt_b", "response_a", "response_b"])
def test_a_line_without_a_field_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        WrittenItem.model_validate({name: value for name, value in SETTLED.items() if name != field})


@pytest.mark.parametrize("field", ["prompt_a", "prompt_b", "response_a", "response_b"])
@pytest.mark.parametrize("blank", ["", "  \n"])
def test_a_blank_text_is_refused(field: str, blank: str) -> None:
    with pytest.raises(ValidationError, match=field):
        item(SETTLED, **{field: blank})


@pytest.mark.parametrize(
    ("base", "changes", "says"),
    [
        (SETTLED, {"canary": "another"}, "canary"),
        (SETTLED, {"critique_c": "x"}, "critique_c"),
        (SETTLED, {"concept": "kindness"}, "unknown concept 'kindness'"),
        (SETTLED, {"prompt_open": "Cheese?"}, "a settled one must not have it"),
        (CONTESTED, {"prompt_open": None}, "a contested concept needs prompt_open"),
        (CONTESTED, {"prompt_open": " "}, "prompt_open"),
        (SETTLED, {"response_a": "Yes.", "response_b": " Yes. "}, "the two responses are the same"),
    ],
)
def test_an_item_that_does_not_fit_is_refused_with_the_reason(
    base: dict[str, str], changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        item(base, **changes)


def test_the_canary_of_the_form_is_the_one_of_the_documentation() -> None:
    assert item(SETTLED).canary == CANARY


def test_white_space_around_texts_does_not_count() -> None:
    assert item(SETTLED, prompt_a=f"\n {SETTLED['prompt_a']}  ") == item(SETTLED)


@pytest.mark.parametrize("field", ["prompt_open", "prompt_a", "prompt_b", "response_a", "response_b"])
def test_the_id_is_of_prompts_and_responses(field: str) -> None:
    assert item(CONTESTED, **{field: "Something else."}).id != item(CONTESTED).id


def test_the_id_is_not_of_critiques() -> None:
    assert item(CONTESTED, critique_a="Something else.").id == item(CONTESTED).id


# ------------------------------------------------------------------ reading


def test_items_are_read_in_order_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    path = written(tmp_path / "items.jsonl", SETTLED, "", CONTESTED, "   ")
    assert read_items(path) == (item(SETTLED), item(CONTESTED))


def test_an_empty_file_has_no_items(tmp_path: Path) -> None:
    assert read_items(written(tmp_path / "items.jsonl")) == ()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not a crossed item"),
        ("[]", "not a crossed item"),
        ("null", "not a crossed item"),
        ("NaN", "not a crossed item"),
        ({**SETTLED, "concept": "kindness"}, "unknown concept 'kindness'"),
        ({**SETTLED, "prompt_a": 3}, "prompt_a"),
    ],
)
def test_a_wrong_line_is_an_error_that_names_file_and_line(tmp_path: Path, line: object, says: str) -> None:
    path = written(tmp_path / "items.jsonl", SETTLED, "", line)
    with pytest.raises(FolkmootError, match=says) as error:
        read_items(path)
    assert error.value.where == f"{path}, line 3"
    assert "CONTRIBUTING.md" in error.value.do


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    binary = tmp_path / "binary.jsonl"
    binary.write_bytes(b"\xff\xfe")
    for path in (tmp_path / "nowhere.jsonl", tmp_path, binary):
        with pytest.raises(FolkmootError, match="cannot read the item file") as error:
            read_items(path)
        assert error.value.where == str(path)


# signs that Unicode, but not JSONL, takes for the end of a line
_BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=_BREAKS), min_size=1).filter(str.strip)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(prompt=_TEXTS, responses=st.lists(_TEXTS.map(str.strip), min_size=2, max_size=2, unique=True))
def test_what_is_written_is_read(tmp_path: Path, prompt: str, responses: list[str]) -> None:
    one = item(SETTLED, prompt_a=prompt, response_a=responses[0], response_b=responses[1])
    assert read_items(written(tmp_path / "items.jsonl", one.model_dump(exclude_none=True))) == (one,)


@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\u2029"])
def test_a_line_ends_only_at_its_end(tmp_path: Path, sign: str) -> None:
    one = item(SETTLED, prompt_a=f"The moon,{sign}made of cheese?")
    assert read_items(written(tmp_path / "items.jsonl", one.model_dump(exclude_none=True))) == (one,)


# ------------------------------------------------------------------ stances


def test_a_settled_item_is_what_it_is_under_any_stance() -> None:
    plain = resolve(item(SETTLED), None)
    assert plain == resolve(item(SETTLED), "explains")
    assert plain.stance is None
    assert (plain.prompt_a, plain.prompt_b) == (SETTLED["prompt_a"], SETTLED["prompt_b"])


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis.id)
def test_the_open_prompt_goes_to_the_side_the_stance_takes(axis: Any) -> None:
    one = item(CONTESTED, concept=axis.id)
    for_a, for_b = (resolve(one, stance) for stance in axis.stances)
    assert (for_a.prompt_a, for_a.prompt_b) == (one.prompt_open, one.prompt_b)
    assert (for_b.prompt_a, for_b.prompt_b) == (one.prompt_a, one.prompt_open)
    assert (for_a.stance, for_b.stance) == axis.stances


def test_both_stances_keep_id_responses_and_critiques() -> None:
    one = item(CONTESTED)
    for stance in ("explains", "brief"):
        resolved = resolve(one, stance)
        assert (resolved.id, resolved.concept) == (one.id, one.concept)
        assert (resolved.response_a, resolved.response_b) == (one.response_a, one.response_b)
        assert (resolved.critique_a, resolved.critique_b) == (one.critique_a, one.critique_b)


def test_a_contested_item_needs_a_stance_of_its_concept() -> None:
    with pytest.raises(FolkmootError, match="'answer-length' is contested and no stance was given"):
        resolve(item(CONTESTED), None)
    with pytest.raises(FolkmootError, match="no stance 'warns'") as error:
        resolve(item(CONTESTED), "warns")
    assert "explains, brief" in error.value.do


def test_axes_on_which_the_constitution_is_silent_are_left_out() -> None:
    items = [item(SETTLED), item(CONTESTED), item(CONTESTED, concept="playfulness")]
    assert [r.concept for r in resolve_all(items, {})] == ["truthfulness"]
    both = resolve_all(items, {"playfulness": "sober", "truthfulness": "nothing contested"})
    assert [(r.concept, r.stance) for r in both] == [("truthfulness", None), ("playfulness", "sober")]
