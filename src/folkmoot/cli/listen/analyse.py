"""``folkmoot listen analyse``: every statement by several measures, with how sure they are; or as Polis would show it."""

import time
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from folkmoot.cli.given import Given
from folkmoot.cli.showing import print_json, stderr, stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from folkmoot.listen.consensus import Consensus
    from folkmoot.listen.consultation import Consultation
    from folkmoot.listen.polismath import PolisMath, RepresentativeStatement
    from folkmoot.records import Statement, Tally


class Method(StrEnum):
    """How votes become groups and figures."""

    DEFAULT = "default"
    POLIS = "polis"


def analyse(
    path: Given,
    method: Annotated[
        Method, typer.Option(help="default: with uncertainty; polis: the figures that Polis itself shows.")
    ] = Method.DEFAULT,
    seed: Annotated[int, typer.Option(min=0, help="Seed of grouping and resampling (polis: none).")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Judge every statement by several measures at once, and say how sure it is that all groups agree."""
    from folkmoot.listen.config import ListenConfig
    from folkmoot.listen.consensus import analyse_consensus
    from folkmoot.listen.polismath import analyse_as_polis
    from folkmoot.listen.reading import read_consultation

    started = time.perf_counter()
    consultation = read_consultation(path)
    if method is Method.POLIS:
        found = _polis_json(consultation, analyse_as_polis(consultation))
        show = _print_polis
    else:
        found = _consensus_json(analyse_consensus(consultation, ListenConfig(seed=seed), seed=seed))
        show = _print_consensus
    if as_json:
        print_json({**found, "seconds": round(time.perf_counter() - started, 3)})
        return
    if consultation.simulated:
        stdout.print("simulated participants: no real person voted")
    sizes = " + ".join(str(group["size"]) for group in found["groups"])
    stdout.print(f"{found['participants_in']:,} of {found['participants']:,} participants grouped: {sizes}")
    show(found)
    if consultation.attribution:
        stderr.print(consultation.attribution.splitlines()[0], markup=False)


def _consensus_json(found: "Consensus") -> dict[str, Any]:
    return {
        "participants": found.participants,
        "votes": found.votes,
        "participants_in": found.participants_in,
        "k": len(found.group_sizes),
        "groups": [
            {
                "id": g,
                "size": group.size,
                "membership": group.membership.as_json(),
                "certain": group.certain.as_json(),
                "together": group.together.as_json(),
            }
            for g, group in enumerate(found.groups)
        ],
        "stability": None if found.stability is None else found.stability.as_json(),
        "resamples": found.resamples,
        "simulated": found.simulated,
        "attribution": found.attribution,
        "statements": [
            {
                **_statement_json(s.statement, s.overall, s.by_group),
                "against": _against_json(s.by_group),
                **{
                    name: None if _is_small(s.by_group) else estimate.as_json()
                    for name, estimate in (("gac", s.gac), ("gac_fair", s.gac_fair), ("minimum", s.minimum))
                },
                "bridging": round(s.bridging, 4),
                "agreed": s.agreed,
                "inclusion_probability": round(s.inclusion_probability, 4),
                "band": s.band,
                "q_value": round(s.q_value, 6),
                "flags": list(s.flags),
            }
            for s in found.statements
        ],
    }


def _polis_json(consultation: "Consultation", found: "PolisMath") -> dict[str, Any]:
    from folkmoot.listen.votes import count, tally, vote_matrix

    statements = consultation.statements
    overall = count(vote_matrix(consultation))
    cells = [tuple(tally(g, s) for g in found.votes_by_group) for s in range(len(statements))]
    return {
        "participants": consultation.participants,
        "votes": len(consultation.vote_V),
        "participants_in": int(found.in_P.sum()),
        "k": len(found.votes_by_group),
        "groups": [
            {"id": g, "size": int((found.group_P == g).sum()), "representative": _shown_json(statements, shown, cells)}
            for g, shown in enumerate(found.representative)
        ],
        "majority": {
            "agree": [statements[m.statement].id for m in found.majority_agree],
            "disagree": [statements[m.statement].id for m in found.majority_disagree],
        },
        "simulated": consultation.simulated,
        "attribution": consultation.attribution,
        "statements": [
            {
                **_statement_json(statement, tally(overall, s), cells[s]),
                "gac": None if _is_small(cells[s]) else round(float(found.consensus_S[s]), 6),
            }
            for s, statement in enumerate(statements)
        ],
    }


def _shown_json(
    statements: "Sequence[Statement]",
    shown: "Sequence[RepresentativeStatement]",
    cells: "Sequence[tuple[Tally, ...]]",
) -> list[dict[str, Any]]:
    """Return what stands for a group; the statistics are left out where some group has a small cell."""
    return [
        {
            "id": statements[r.statement].id,
            "for": r.repful_for,
            "best_agree": r.best_agree,
            "repness": None if _is_small(cells[r.statement]) else round(r.repness, 6),
            "repness_test": None if _is_small(cells[r.statement]) else round(r.repness_test, 6),
        }
        for r in shown
    ]


def _statement_json(statement: "Statement", overall: "Tally", by_group: "tuple[Tally, ...]") -> dict[str, Any]:
    """Return a statement with its votes; where one group's cell is small no group's is shown, so that none can be figured."""
    shown = (
        None if _is_small(by_group) else [{**_tally_json(cell), "agree_share": _agreeing(cell)} for cell in by_group]
    )
    return {"id": statement.id, "text": statement.text, **_tally_json(overall), "by_group": shown}


def _agreeing(cell: "Tally") -> dict[str, Any]:
    from folkmoot.statistics import proportion

    return proportion(cell.agree, cell.seen).as_json()


def _against_json(by_group: "tuple[Tally, ...]") -> dict[str, Any] | None:
    from folkmoot.listen.against import who_is_against

    found = who_is_against(by_group)
    if found is None:
        return None
    return {
        "people": found.people,
        "share": found.share.as_json(),
        "most": found.most,
        "by_group": [{"people": people, "share": share.as_json()} for people, share in found.by_group],
    }


def _is_small(by_group: "tuple[Tally, ...]") -> bool:
    from folkmoot.records import SMALL_CELL

    return any(cell.seen < SMALL_CELL for cell in by_group)


def _tally_json(cell: "Tally") -> dict[str, int | None]:
    if _is_small((cell,)):
        return dict.fromkeys(("agree", "disagree", "pass"))
    return {"agree": cell.agree, "disagree": cell.disagree, "pass": cell.passed}


def _print_consensus(found: dict[str, Any]) -> None:
    if found["stability"] is not None:
        value, (low, high) = found["stability"]["value"], found["stability"]["ci"]
        stdout.print(
            f"groups drawn again agree with these by an adjusted Rand index of {value:.2f} "
            f"[{low:.2f}, {high:.2f}], {found['resamples']} resamples"
        )
    counts = Counter(s["band"] for s in found["statements"])
    stdout.print("statements: " + ", ".join(f"{count} {band}" for band, count in counts.most_common()))
    possible = [s for s in found["statements"] if s["band"] in {"agreed", "contested"} and s["gac_fair"]]
    _print_statements(
        ("agreed in\n% of resamples", "gac_fair", "bridging"),
        [
            (s, f"{100 * s['inclusion_probability']:.0f}", f"{s['gac_fair']['value']:.2f}", f"{s['bridging']:+.1f}")
            for s in sorted(possible, key=lambda s: (-s["inclusion_probability"], -s["gac_fair"]["value"]))
        ],
    )


def _print_polis(found: dict[str, Any]) -> None:
    texts = {s["id"]: s for s in found["statements"]}
    for group in found["groups"]:
        stdout.print(f"group {group['id']}, {group['size']} people, is shown by:")
        _print_statements(("it would",), [(texts[r["id"]], r["for"]) for r in group["representative"]])
    for side, ids in found["majority"].items():
        stdout.print(f"most people {side}:" if ids else f"most people {side}: nothing")
        if ids:
            _print_statements(("gac",), [(texts[i], _gac(texts[i])) for i in ids])


def _gac(statement: dict[str, Any]) -> str:
    return "–" if statement["gac"] is None else f"{statement['gac']:.2f}"


def _print_statements(columns: "Sequence[str]", rows: "Sequence[tuple[Any, ...]]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    table.add_column("id")
    table.add_column("statement", ratio=1)
    for column in columns:
        table.add_column(column, justify="right")
    for statement, *shown in rows:
        # texts come from outside: as Text they are shown, never read as markup
        table.add_row(Text(statement["id"]), Text(statement["text"]), *shown)
    stdout.print(table)
