"""Which record came from which: links written by the stages, and walking them up and down.

A stage run holds ``lineage.jsonl`` (one `Link` a line) and ``artefacts/index.jsonl`` (one `Node` a line: how a record is
shown). Only sealed runs are read. Roots are statements with their tallies and articles: ids of participants are refused
where they are written and withheld where they are read.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from folkmoot.errors import FolkmootError

NOT_CAUSAL = "association, not causal"
"""What stands beside every change of a score: the trace knows what was taught and what moved, not what moved it."""

_DEPTH = 100
Row = TypeVar("Row")


class Role(StrEnum):
    """What a parent is to its child. The list is closed: a new role is a change of this file."""

    SUPPORTS = "supports"  # statement -> principle
    FOUNDS = "founds"  # article -> principle
    EDITS = "edits"  # a person's hand -> principle
    SELECTS = "selects"  # principle -> lesson
    TEACHES = "teaches"  # lesson -> revision, preference
    TRAINS = "trains"  # lesson -> model
    EXAMINES = "examines"  # principle -> exam item
    SCORES = "scores"  # exam item -> score (association, not causal)


@dataclass(frozen=True, slots=True)
class Link:
    """One step of descent. What `weight` counts is the role's: how often a lesson was drawn, how much a vote weighs."""

    child: str
    parent: str
    role: Role
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Node:
    """A record as the trace shows it."""

    id: str
    kind: str
    label: str
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def shows_change(self) -> bool:
        """Whether it is or holds a change of score, which must be labelled as not causal."""
        return self.kind.startswith("score") or any(key.endswith(("_before", "_after")) for key in self.detail)

    def as_json(self) -> dict[str, Any]:
        """Return the node, with the note that a change of score carries."""
        shown = {"id": self.id, "kind": self.kind, "label": self.label, "detail": self.detail}
        return shown | {"note": NOT_CAUSAL} if self.shows_change else shown


@dataclass(frozen=True, slots=True)
class Step:
    """A node of a trace, how it is tied to the one before it, and where it leads.

    Attributes:
        weights: weight of the link by stage run that wrote it.
        repeated: the node's own steps are shown where it occurs first.
    """

    node: Node
    role: Role
    weights: Mapping[str, float]
    steps: tuple["Step", ...] = ()
    repeated: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the tree below this step."""
        shown = {**self.node.as_json(), "role": self.role, "weights": dict(self.weights)}
        return shown | ({"repeated": True} if self.repeated else {"then": [step.as_json() for step in self.steps]})


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything a record came from (`up`) and everything that came of it (`down`).

    Attributes:
        unfinished: stage runs that were left out because they are not sealed.
        withheld: links left out because they name a participant.
    """

    node: Node
    up: tuple[Step, ...]
    down: tuple[Step, ...]
    unfinished: tuple[str, ...] = ()
    withheld: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the trace for printing."""
        return {
            **self.node.as_json(),
            "up": [step.as_json() for step in self.up],
            "down": [step.as_json() for step in self.down],
            "unfinished": list(self.unfinished),
            "withheld": self.withheld,
            "note": f"scores before and after: {NOT_CAUSAL}",
        }


@dataclass(frozen=True, slots=True)
class Lineage:
    """All links and described nodes of some stage runs, links by the name of the run that wrote them."""

    links: Mapping[Link, Mapping[str, float]]
    nodes: Mapping[str, Node]
    unfinished: tuple[str, ...] = ()
    withheld: int = 0

    def node(self, id_: str) -> Node:
        """Return the node as described, or what the id itself says."""
        return self.nodes.get(id_) or Node(id_, id_.partition(":")[0] if ":" in id_ else "record", id_)

    def ids(self) -> list[str]:
        """Return all ids that links or descriptions name, sorted."""
        return sorted({*self.nodes, *(link.child for link in self.links), *(link.parent for link in self.links)})


def is_participant(id_: str) -> bool:
    """Whether an id is a participant's."""
    return id_.strip().casefold().startswith("participant:")


def names_participant(value: object) -> bool:
    """Whether a string in `value`, at any depth, is an id of a participant (a sentence that begins so is none)."""
    if isinstance(value, str):
        return is_participant(value) and len(value.split()) == 1
    if isinstance(value, Mapping):
        return any(names_participant(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return any(names_participant(part) for part in value)
    return False


def trace(id_: str, out: Path) -> Trace:
    """Walk from a record up and down across all sealed stage runs in `out` and the runs they read, wherever those lie.

    Each node is walked from once in either direction; where it occurs again it is marked as repeated.

    Args:
        id_: a record's id, the beginning of one, or what follows its ``kind:``.
        out: a folder of stage runs, or one stage run (its siblings are read too).

    Raises:
        FolkmootError: there is no such record (near ones are named), several begin like this, it is a participant, or a
            lineage file cannot be read.
    """
    if is_participant(id_):
        raise FolkmootError(
            "participants are not traced: votes are political opinions and stay in the consultation store",
            where=id_,
            do="trace a statement, an article, a principle, a lesson or an exam item",
        )
    lineage = read_lineage(out)
    found = find_id(id_, lineage.ids(), out)
    return Trace(
        lineage.node(found),
        _walk(lineage, found, upwards=True),
        _walk(lineage, found, upwards=False),
        lineage.unfinished,
        lineage.withheld,
    )


def _walk(lineage: Lineage, start: str, *, upwards: bool) -> tuple[Step, ...]:
    table: dict[str, dict[tuple[Role, str], Mapping[str, float]]] = {}
    for link, weights in lineage.links.items():
        here, there = (link.child, link.parent) if upwards else (link.parent, link.child)
        table.setdefault(here, {})[link.role, there] = weights
    seen = {start}

    def steps(id_: str, depth: int) -> tuple[Step, ...]:
        if depth > _DEPTH:
            raise FolkmootError(
                f"the lineage is deeper than {_DEPTH} steps", where=id_, do="start from a nearer record"
            )
        return tuple(step(other, role, weights, depth) for (role, other), weights in table.get(id_, {}).items())

    def step(id_: str, role: Role, weights: Mapping[str, float], depth: int) -> Step:
        if id_ in seen:
            return Step(lineage.node(id_), role, weights, repeated=bool(table.get(id_)))
        seen.add(id_)
        return Step(lineage.node(id_), role, weights, steps(id_, depth + 1))

    return steps(start, 0)


def find_id(id_: str, names: Iterable[str], where: Path) -> str:
    """Return the one name that is `id_`, begins with it, or does so after its ``kind:``.

    Raises:
        FolkmootError: none or several do; names the nearest.
    """
    names = list(names)
    if id_ in names:
        return id_
    matches = [n for n in names if n.startswith(id_)] or [n for n in names if n.partition(":")[2].startswith(id_)]
    if len(matches) == 1:
        return matches[0]
    near = matches[:5] or get_close_matches(id_, names, n=5, cutoff=0.5)
    raise FolkmootError(
        f"{len(matches)} records begin with {id_!r}" if matches else f"there is no record {id_!r}",
        where=str(where),
        do=f"did you mean: {', '.join(near)}" if near else "see constitution.yaml for the ids of principles",
    )


# ------------------------------------------------------------------ reading


def read_lineage(out: Path) -> Lineage:
    """Read links and descriptions of the sealed stage runs in `out`, and of runs elsewhere that they name as inputs.

    Raises:
        FolkmootError: there is no sealed run, or a line cannot be read.
    """
    if not out.is_dir():
        raise FolkmootError("there is no such folder", where=str(out), do="give --run the --out folder of a run")
    home = out.parent if (out / "inputs.json").is_file() else out
    beside = sorted(p.parent for p in home.glob("*/inputs.json") if not p.parent.name.startswith("."))
    runs = _with_parents([run for run in beside if (run / "seal.json").is_file()])
    if not runs:
        raise FolkmootError("there is no finished run here", where=str(out), do="give --run the --out folder of a run")
    links: dict[tuple[str, str, Role], dict[str, float]] = {}
    nodes: dict[str, Node] = {}
    withheld = 0
    for run in runs:
        for link in read_links(run / "lineage.jsonl"):
            if is_participant(link.child) or is_participant(link.parent):
                withheld += 1
            else:
                links.setdefault((link.child, link.parent, link.role), {})[run.name] = link.weight
        for node in read_nodes(run / "artefacts" / "index.jsonl"):
            if not (is_participant(node.id) or names_participant([node.label, node.detail])):
                nodes[node.id] = node
    return Lineage(
        {Link(child, parent, role): weights for (child, parent, role), weights in links.items()},
        nodes,
        tuple(run.name for run in beside if not (run / "seal.json").is_file()),
        withheld,
    )


def read_links(path: Path) -> list[Link]:
    """Read a ``lineage.jsonl``; a file that is not there has no links.

    Raises:
        FolkmootError: a line is not a link; names file and line.
    """
    return list(_read_rows(path, Link))


def read_nodes(path: Path) -> list[Node]:
    """Read an ``index.jsonl``; a file that is not there describes nothing.

    Raises:
        FolkmootError: a line is not a node; names file and line.
    """
    return list(_read_rows(path, Node))


def _with_parents(runs: Iterable[Path]) -> list[Path]:
    """Return sealed runs, parents before children, with the sealed runs they read wherever those can be reached."""
    found: dict[Path, None] = {}
    begun: set[Path] = set()

    def visit(run: Path) -> None:
        run = run.resolve()
        if run in begun or not (run / "seal.json").is_file():
            return
        begun.add(run)
        for parent in _parents(run):
            visit(run.parent / parent)
        found[run] = None

    for run in runs:
        visit(run)
    return list(found)


def _parents(run: Path) -> list[str]:
    try:
        inputs = json.loads((run / "inputs.json").read_bytes())
        return [described["run"] for described in inputs.values() if "run" in described]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise _unreadable(run / "inputs.json", error) from error


def _read_rows(path: Path, row: type[Row]) -> Iterator[Row]:
    if not path.is_file():
        return
    adapter = TypeAdapter(row)
    # lines end in \n alone: a label may hold any other sign that splitlines would break at
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line:
            try:
                yield adapter.validate_json(line)
            except ValidationError as error:
                raise _unreadable(path, error.errors()[0]["msg"], number) from error


def _unreadable(path: Path, why: object, line: int | None = None) -> FolkmootError:
    return FolkmootError(
        f"the lineage cannot be read: {why}",
        where=f"{path}, line {line}" if line else str(path),
        do="folkmoot runs verify says what was changed since it was sealed",
    )
