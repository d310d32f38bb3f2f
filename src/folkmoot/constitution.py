"""The constitution file: YAML that people edit by hand, and everything reads.

Outside it is YAML with a schema version; inside it is `records.Constitution`. Whatever stands in a text is data: nothing
in it is interpreted, and aliases, tags and other powers of YAML are refused.

A request may quote its principle with ``{text}``, so that a principle whose wording is edited by hand does not leave its
old wording behind in its requests; a brace that is meant as such is written twice.
"""

import difflib
import logging
import os
import re
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from folkmoot.concepts import concepts
from folkmoot.errors import FolkmootError
from folkmoot.records import Bearing, Constitution, Origin, Principle

SCHEMA_VERSION = 1
MAX_BYTES = 5_000_000
"""A constitution is read by people; a file beyond this is something else."""

_MAX_DEPTH = 10
_QUOTED_FROM = 8
"""Shortest principle text that requests quote as ``{text}``; a shorter one may occur in them by accident."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_HEADER = """\
# A constitution: the rules a model is trained by and examined on.
#
# You can edit this file by hand and train from it: folkmoot train --constitution FILE
#
#   text       the principle itself. Change it, and the requests below follow where they say {text}.
#   weight     how often it is taught, against the others; greater than 0. To silence a principle, delete it.
#   bearings   what it is about: concept names from the lists below. A contested concept needs a stance, and the
#              stance decides which answers are taught. Change it to the other one and the model learns the opposite.
#   origins    where it comes from: statements of the public (support: share agreeing per opinion group), articles of
#              a source, or the hand of whoever wrote it.
#   critique_request, revision_request, comparison_question
#              how a teacher applies it. {text} stands for the principle's text; a brace meant as such is doubled: {{ }}.
#              Leave all three out of a principle you add, and general ones are used.
#   id         for information. It is computed from text, requests and bearings; after an edit it is computed anew,
#              and the principle gains an origin of kind "hand" that says so. Leave it out of a principle you add.
#
# Contested concepts and their two stances:
"""

_log = logging.getLogger(__name__)


def requests_for(hint: str = "") -> tuple[str, str, str]:
    """Return critique request, revision request and comparison question that hold for any principle.

    All three contain ``{text}`` for the principle's text (see `quote_principle`). `hint` says what to look at, as the
    end of a sentence: "whether it takes a side".
    """
    look = f" Look above all at {hint}." if hint else ""
    return (
        "Consider your last answer in the light of this principle: “{text}”"
        + look
        + " Name each place where the answer"
        " does not keep the principle and say why; if it keeps it throughout, say so.",
        (
            "Rewrite your last answer so that it keeps this principle: “{text}” Change nothing that the principle does"
            " not ask to be changed, and go on helping the user with everything that keeps it."
        ),
        "Which of the two answers keeps this principle better: “{text}”" + look,
    )


def quote_principle(request: str, text: str) -> str:
    """Return `request` with ``{text}`` replaced by `text`, and doubled braces made single."""
    replacements = {"{{": "{", "}}": "}", "{text}": text}
    return re.sub(r"\{\{|\}\}|\{text\}", lambda found: replacements[found[0]], request)


def _unquote_principle(request: str, text: str) -> str:
    """Undo `quote_principle`; every text and request comes back from the pair unchanged."""
    pieces = request.split(text) if len(text) >= _QUOTED_FROM else [request]
    return "{text}".join(piece.replace("{", "{{").replace("}", "}}") for piece in pieces)


# ------------------------------------------------------------------ the form of the file


def _visible(value: str) -> str:
    if bad := re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", value):
        raise ValueError(f"holds the control character U+{ord(bad[0]):04X}")
    return value


def _as_text(value: object) -> object:
    """Take an unquoted number for the text it was written as (`ref: 12`)."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Line = Annotated[str, BeforeValidator(_as_text), Field(max_length=1_000)]
_Text = Annotated[str, Field(min_length=1, max_length=4_000)]
_Request = Annotated[str, Field(min_length=1, max_length=20_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="after")
    @classmethod
    def _holds_no_control_characters(cls, value: Any) -> Any:
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                _visible(text)
        return value


class _FileBearing(_Part):
    concept: _Line
    stance: _Line | None = None

    @field_validator("concept")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name in concepts():
            return name
        near = difflib.get_close_matches(name, concepts(), n=3, cutoff=0.4) or sorted(concepts())[:3]
        raise ValueError(f"unknown concept {name!r}; the nearest are {', '.join(near)}")

    @model_validator(mode="after")
    def _has_the_stance_it_needs(self) -> "_FileBearing":
        concept = concepts()[self.concept]
        both = " or ".join(concept.stances)
        if concept.contested and self.stance is None:
            raise ValueError(f"concept {concept.id!r} is contested and needs a stance: {both}")
        if concept.contested and self.stance not in concept.stances:
            raise ValueError(f"concept {concept.id!r} has no stance {self.stance!r}; write {both}")
        if not concept.contested and self.stance is not None:
            raise ValueError(f"concept {concept.id!r} is not contested: take the stance {self.stance!r} out")
        return self


class _FileOrigin(_Part):
    kind: Literal["statement", "article", "hand"]
    ref: _Line
    support: list[Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=list, max_length=1_000)
    quote: str = Field(default="", max_length=20_000)


class _FilePrinciple(_Part):
    id: _Line = ""
    text: _Text
    weight: float = Field(gt=0, le=1e6, allow_inf_nan=False, strict=True)
    bearings: list[_FileBearing] = Field(default_factory=list)
    origins: list[_FileOrigin] = Field(default_factory=list)
    critique_request: _Request | None = None
    revision_request: _Request | None = None
    comparison_question: _Request | None = None

    @field_validator("text")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("is blank")
        return text

    @field_validator("bearings")
    @classmethod
    def _names_each_concept_once(cls, bearings: list[_FileBearing]) -> list[_FileBearing]:
        names = [b.concept for b in bearings]
        if twice := {n for n in names if names.count(n) > 1}:
            raise ValueError(f"names {', '.join(sorted(twice))} twice")
        return bearings


class _File(_Part):
    schema_version: Literal[1]
    title: _Line
    sources: list[_Line] = Field(default_factory=list)
    attribution: str = Field(default="", max_length=20_000)
    marks: list[Annotated[str, Field(max_length=4_000)]] = Field(default_factory=list)
    principles: list[_FilePrinciple] = Field(max_length=10_000)


_FIELDS = [name for part in (_FilePrinciple, _FileBearing, _FileOrigin, _File) for name in part.model_fields]


# ------------------------------------------------------------------ read


def read_constitution(path: Path) -> Constitution:
    """Read a constitution file.

    A principle whose id does not fit its content was edited by hand: it gets the id it now has and an origin of kind
    "hand" naming the former id, and the log says so.

    Raises:
        FolkmootError: no such file, not text, too large, not YAML, or not the form of a constitution; names line,
            principle and field.
    """
    text = _read_text(path)
    node = _compose(text, path)
    try:
        file = _File.model_validate(yaml.load(text, Loader=_LOADER))  # noqa: S506 - a safe loader, in C
    except ValidationError as error:
        raise _explain(error, node, path) from error
    except (ValueError, OverflowError) as error:  # a scalar that only looks like a date or a number
        raise FolkmootError(f"a value cannot be read: {error}", where=str(path), do="put it in quotes") from error
    principles = tuple(_principle(p, number) for number, p in enumerate(file.principles, start=1))
    _refuse_twins(principles, path)
    return Constitution(
        title=file.title,
        principles=principles,
        sources=tuple(file.sources),
        attribution=file.attribution,
        marks=tuple(file.marks),
    )


def _principle(file: _FilePrinciple, number: int) -> Principle:
    general = requests_for()
    given = (file.critique_request, file.revision_request, file.comparison_question)
    critique, revision, comparison = (
        quote_principle(request or fallback, file.text) for request, fallback in zip(given, general, strict=True)
    )
    principle = Principle(
        text=file.text,
        critique_request=critique,
        revision_request=revision,
        comparison_question=comparison,
        weight=file.weight,
        origins=tuple(Origin(o.kind, o.ref, tuple(o.support), o.quote) for o in file.origins),
        bearings=tuple(Bearing(b.concept, b.stance) for b in file.bearings),
    )
    return _with_hand(principle, file.id, number)


def _refuse_twins(principles: Sequence[Principle], path: Path) -> None:
    first: dict[str, int] = {}
    for number, principle in enumerate(principles, start=1):
        if (twin := first.setdefault(principle.id, number)) != number:
            raise FolkmootError(
                f"principle {number} is the same as principle {twin}",
                where=f"{path}, principle {number}",
                do="delete one of them, and give the other the weight of both",
            )


def _with_hand(principle: Principle, id_in_file: str, number: int) -> Principle:
    if id_in_file == principle.id or (not id_in_file and principle.origins):
        return principle
    if id_in_file:
        _log.warning("principle %d was edited by hand: its id was %s and is now %s", number, id_in_file, principle.id)
        origin = Origin("hand", id_in_file, quote="edited by hand; this was its id before")
    else:
        origin = Origin("hand", "written", quote="written by hand")
    return Principle(
        principle.text,
        principle.critique_request,
        principle.revision_request,
        principle.comparison_question,
        principle.weight,
        (*principle.origins, origin),
        principle.bearings,
    )


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FolkmootError(
                f"the file is larger than {MAX_BYTES // 1_000_000} MB", where=str(path), do="give a constitution.yaml"
            )
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FolkmootError("the file is not UTF-8 text", where=str(path), do="save it as UTF-8") from error
    except OSError as error:
        raise FolkmootError(
            f"cannot read the constitution: {error.strerror}", where=str(path), do="check the path"
        ) from error
    if bad := re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", text):
        line = text.count("\n", 0, bad.start()) + 1
        raise FolkmootError(
            f"the file holds the control character U+{ord(bad[0]):04X}",
            where=f"{path}, line {line}",
            do="take it out; the file may be damaged or not a constitution",
        )
    return text


def _compose(text: str, path: Path) -> Any:
    """Return the tree of YAML nodes, which knows the lines, once the text is known to be harmless."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _at(path, _line(event), "an anchor or alias of YAML (& or *)", "put the text in quotes")
            if depth > _MAX_DEPTH:
                raise _at(path, _line(event), "lists or mappings nested too deep", "see the header of the file")
            if getattr(event, "tag", None) not in {None, "!"}:
                raise _at(path, _line(event), "a tag of YAML (!)", "put the text in quotes")
        node = yaml.compose(text, Loader=_LOADER)
        if (odd := next(_odd_keys(node), None)) is not None:
            raise _at(
                path, _line(odd), "a list or mapping in the place of a field's name", "see the header of the file"
            )
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise FolkmootError(
            f"not YAML: {problem}",
            where=f"{path}{line}",
            do="check the indentation there, and put a text that holds a colon, # or quotation marks in quotes",
        ) from error
    if not isinstance(node, yaml.MappingNode):
        raise FolkmootError(
            "not a constitution: it has no fields",
            where=str(path),
            do="start from a constitution.yaml that was written",
        )
    for key, name in _doubled_keys(node):
        raise _at(path, key.start_mark.line, f"the field {name!r} for the second time", "keep one of the two")
    return node


def _odd_keys(node: Any) -> Iterator[Any]:
    """Yield keys that are no plain names."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                yield key
            yield from _odd_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _odd_keys(value)


def _line(event: Any) -> int:
    return int(event.start_mark.line)


def _at(path: Path, line: int, what: str, do: str) -> FolkmootError:
    return FolkmootError(f"the constitution holds {what}", where=f"{path}, line {line + 1}", do=do)


def _doubled_keys(node: Any) -> Iterator[tuple[Any, str]]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                yield key, name
            seen.add(name)
            yield from _doubled_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _doubled_keys(item)


def _explain(error: ValidationError, root: Any, path: Path) -> FolkmootError:
    """Turn the first complaint into one sentence with line, principle and field, and say how many more there are."""
    # a field's wrong name first: it explains why the right one is missing
    complaints = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    first = complaints[0]
    place, line = _place(first["loc"], root)
    more = f" ({len(complaints) - 1} more after this one)" if len(complaints) > 1 else ""
    what, do = _complaint(first)
    return FolkmootError(f"{place}: {what}{more}", where=f"{path}, line {line}", do=do)


def _complaint(error: Any) -> tuple[str, str]:
    match error["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(str(error["loc"][-1]), _FIELDS, n=1)
            return (
                "there is no such field" + (f"; did you mean {near[0]!r}?" if near else ""),
                "take it out, or correct its name (the header of the file lists the fields)",
            )
        case "missing":
            return "is missing", "add it (the header of the file says what it holds)"
        case "value_error":
            return str(
                error["ctx"]["error"]
            ), "correct it there; the header of a constitution that was written lists every concept"
        case "literal_error" if error["loc"] == ("schema_version",):
            return (
                f"this version of Folkmoot reads schema_version {SCHEMA_VERSION}, not {error['input']!r}",
                "write the file anew with this version, or use the version that wrote it",
            )
        case _:
            given = repr(error["input"])
            return f"{error['msg']}; it is {given if len(given) < 80 else given[:77] + '...'}", "correct it there"


def _place(loc: tuple[int | str, ...], root: Any) -> tuple[str, int]:
    """Return a readable place such as "principle 3, bearing 1, stance" and the line of the nearest node."""
    node, line = root, root.start_mark.line
    words: list[str] = []
    for step in loc:
        found = _child(node, step)
        if isinstance(step, int):
            words[-1] = f"{words[-1].removesuffix('s')} {step + 1}"
        else:
            words.append(str(step))
        if found is not None:
            line, node = found
    return ", ".join(words) or "the file", line + 1


def _child(node: Any, step: int | str) -> tuple[int, Any] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line, value
    return None


# ------------------------------------------------------------------ write


def write_constitution(constitution: Constitution, path: Path) -> None:
    """Write a constitution file: the same constitution gives the same bytes, and reading it gives it back.

    Raises:
        FolkmootError: the constitution could not be read back (a blank text, an unknown concept, control characters),
            or the file cannot be written.
    """
    plain = _as_plain(constitution)
    try:
        _File.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise FolkmootError(
            f"the constitution cannot be written: {place}: {first['msg']}", where=str(path), do="correct the principle"
        ) from error
    contested = "".join(f"#   {c.id}: {' or '.join(c.stances)}\n" for c in concepts().values() if c.contested)
    settled = ", ".join(c.id for c in concepts().values() if not c.contested and not c.placebo)
    others = textwrap.fill(settled, 110, initial_indent="#   ", subsequent_indent="#   ", break_on_hyphens=False)
    contested += f"#\n# The other concepts, which have no stance:\n{others}\n"
    body = yaml.dump(plain, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=110)
    _write(path, f"{_HEADER}{contested}\n{body}")


def _as_plain(constitution: Constitution) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "title": constitution.title,
        "sources": list(constitution.sources),
        "attribution": constitution.attribution,
        "marks": list(constitution.marks),
        "principles": [_plain_principle(p) for p in constitution.principles],
    }


def _plain_principle(principle: Principle) -> dict[str, Any]:
    return {
        "id": principle.id,
        "text": principle.text,
        "weight": float(principle.weight),
        "bearings": [
            {"concept": b.concept, "stance": b.stance} if b.stance is not None else {"concept": b.concept}
            for b in principle.bearings
        ],
        "critique_request": _unquote_principle(principle.critique_request, principle.text),
        "revision_request": _unquote_principle(principle.revision_request, principle.text),
        "comparison_question": _unquote_principle(principle.comparison_question, principle.text),
        "origins": [_plain_origin(o) for o in principle.origins],
    }


def _plain_origin(origin: Origin) -> dict[str, Any]:
    plain: dict[str, Any] = {"kind": origin.kind, "ref": origin.ref}
    if origin.support:
        plain["support"] = [float(share) for share in origin.support]
    if origin.quote:
        plain["quote"] = origin.quote
    return plain


def _write(path: Path, text: str) -> None:
    """Write beside the file and move into place, so that no reader meets half a constitution."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        beside = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.chmod(0o644)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise FolkmootError(f"cannot write the constitution: {error.strerror}", where=str(path)) from error
