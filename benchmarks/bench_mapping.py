"""How often the mapper of statements is right, against hand labels of a real public's statements.

Precision, recall and abstention, for conduct and for (concept, stance) pairs, with 95% Jeffreys intervals. Pairs of one
statement are counted as independent, which they nearly are (1.1 pairs to a statement with any). Four sets, by ids alone:

    develop        every second of the 275 published statements (even positions by id): the cues were written on these
    held-out       the other half. Nothing was tuned on it, but whoever wrote the cues had read it when labelling
    raw-develop    120 of the unpublished statements, drawn at random; used once to correct the rules
    raw-held-out   170 more, labelled before the mapper saw them, errors never looked at: the honest figure for a public
                   whose statements nobody has cleaned

One person made the labels; agreement between labellers is not known.

    python benchmarks/bench_mapping.py [--data ../shared/data/ccai] [--json]
"""

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folkmoot.draft.mapping import Mapped, map_statements
from folkmoot.records import Statement
from folkmoot.statistics import proportion

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "ccai"
LABELS = ROOT / "tests" / "real"


@dataclass(frozen=True)
class Label:
    """What a person read in a statement; pairs are "concept" or "concept=stance"."""

    conduct: bool
    pairs: frozenset[str]


def read_labels(path: Path) -> dict[str, tuple[str, Label]]:
    """Return (sample or "", label) by statement id."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["id"]: (
                row.get("sample", ""),
                Label(row["conduct"] == "yes", frozenset(filter(None, row["concepts"].split(";")))),
            )
            for row in csv.DictReader(file)
        }


def read_statements(folder: Path) -> list[Statement]:
    """Return the statements of an export in order of their numeric id."""
    with (folder / "comments.csv").open(encoding="utf-8", newline="") as file:
        rows = [Statement(row["comment-id"], row["comment-body"]) for row in csv.DictReader(file)]
    return sorted(rows, key=lambda s: int(s.id))


def pairs_of(mapped: Mapped) -> frozenset[str]:
    """Return what was found, in the form of the labels."""
    return frozenset(b.concept if b.stance is None else f"{b.concept}={b.stance}" for b in mapped.bearings)


def measure(labelled: Iterable[tuple[Mapped, Label]]) -> dict[str, Any]:
    """Return counts and estimates for one set; an abstention is no "yes", so it costs recall and never precision."""
    rows = list(labelled)
    conduct = [(m.conduct == "yes", label.conduct) for m, label in rows]
    found = sum(len(pairs_of(m)) for m, _ in rows)
    wanted = sum(len(label.pairs) for _, label in rows)
    right = sum(len(pairs_of(m) & label.pairs) for m, label in rows)
    both = sum(said and true for said, true in conduct)
    return {
        "statements": len(rows),
        "conduct_precision": proportion(both, sum(said for said, _ in conduct)).as_json(),
        "conduct_recall": proportion(both, sum(true for _, true in conduct)).as_json(),
        "abstention": proportion(sum(m.conduct == "abstain" for m, _ in rows), len(rows)).as_json(),
        "pair_precision": proportion(right, found).as_json(),
        "pair_recall": proportion(right, wanted).as_json(),
    }


def measure_all(data: Path) -> dict[str, dict[str, Any]]:
    """Return the figures of all four sets by name."""
    clean, raw = read_statements(data / "clean"), read_statements(data / "raw")
    clean_labels, raw_labels = read_labels(LABELS / "ccai_labels.csv"), read_labels(LABELS / "ccai_raw_labels.csv")
    pairs = [(m, clean_labels[m.statement_id][1]) for m in map_statements(clean)]
    by_sample: Mapping[str, list[tuple[Mapped, Label]]] = {"1": [], "2": []}
    for mapped in map_statements(raw):
        if mapped.statement_id in raw_labels:
            sample, label = raw_labels[mapped.statement_id]
            by_sample[sample].append((mapped, label))
    return {
        "develop": measure(pairs[0::2]),
        "held-out": measure(pairs[1::2]),
        "raw-develop": measure(by_sample["1"]),
        "raw-held-out": measure(by_sample["2"]),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not (options.data / "clean" / "comments.csv").exists():
        sys.exit(f"the reference data is not at {options.data}: give --data")
    began = time.perf_counter()
    figures = measure_all(options.data)
    seconds = time.perf_counter() - began
    for name, figure in figures.items():
        if options.json:
            print(json.dumps({"benchmark": "mapping", "set": name, **figure, "seconds_all_sets": round(seconds, 3)}))
            continue
        print(f"{name} ({figure['statements']} statements)")
        for measure_name, estimate in figure.items():
            if measure_name != "statements":
                low, high = estimate["ci"]
                print(f"  {measure_name:18} {estimate['value']:.3f}  [{low:.3f}, {high:.3f}]  n {estimate['n']}")


if __name__ == "__main__":
    main()
