"""Whether the published opinion groups of Collective Constitutional AI belong to the people they stand beside.

Axes: P participants, S statements.

The table ccai/clean has a column `group-id`, which the importer does not read. Here it is compared with

    realigned  the same column given to the participants in the order of their ids, not in the order of the rows
    rerun      the published processing again, joined by participant: zero-filled votes with the table on its side, so that
               each person's mean is taken out and their weights in two principal components are their place; 100 k-means
               base clusters; k-means with k = 2 on the base centres; once for every seed
    by row     the labels of such a rerun, made on the table sorted by id and written into the unsorted one row by row
    Polis      `group-id` of ccai/raw, as Polis's own server gave it, joined by participant

"By lot" are the same labels, shuffled. Adjusted Rand indices of two fixed labellings have a 95% bootstrap interval over
people; figures of reruns have the median and the 2.5% and 97.5% quantiles over seeds; accuracies, of ridge regression on
people left out (ten folds), have Jeffreys intervals. Only ids of statements and figures are printed: the data names no
licence.

    python benchmarks/run_ccai_groups.py [--data ../shared/data/ccai] [--seeds 40] [--shuffles 999] [--json]
"""

import argparse
import csv
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, roc_auc_score
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from folkmoot.listen.components import centred, components
from folkmoot.listen.consensus import analyse_consensus
from folkmoot.listen.polismath import BASE_CLUSTERS
from folkmoot.listen.reading import read_consultation
from folkmoot.listen.votes import Floats, Ints, Votes, count_by_group, group_aware_consensus, vote_matrix, where
from folkmoot.seeds import derive, derive_seed
from folkmoot.statistics import proportion

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "ccai"
BAR = 0.723
"""What the paper names: a group-aware consensus above it."""
RESAMPLES = 1_000
FOLDS = 10
RIDGE = 30.0


@dataclass(frozen=True)
class Published:
    """The published votes with three labellings of the same people, in the order of the file.

    Attributes:
        order_P: rows in the order of participant ids.
        polis_P: -1 for people whom Polis did not group.
    """

    votes_PS: Votes
    statements: tuple[str, ...]
    order_P: Ints
    published_P: Ints
    realigned_P: Ints
    polis_P: Ints


def read(data: Path) -> Published:
    """Read the votes with our importer, and the columns it leaves alone by themselves."""
    consultation = read_consultation(data / "clean")
    labels = _group_column(data / "clean" / "participants-votes.csv")
    polis = _group_column(data / "raw" / "participants-votes.csv")
    if len(labels) != consultation.participants:
        raise SystemExit("ccai/clean holds people without a vote: rows and votes cannot be joined")
    order_P = np.argsort(np.array(list(labels), dtype=np.int64))
    published_P = np.array(list(labels.values()))
    realigned_P = np.empty_like(published_P)
    realigned_P[order_P] = published_P
    return Published(
        vote_matrix(consultation),
        tuple(s.id for s in consultation.statements),
        order_P,
        published_P,
        realigned_P,
        np.array([polis.get(person, -1) for person in labels]),
    )


def _group_column(path: Path) -> dict[int, int]:
    with path.open(encoding="utf-8", newline="") as file:
        return {int(row["participant"]): int(row["group-id"] or -1) for row in csv.DictReader(file)}


def rerun(table: Published, seed: int) -> Ints:
    """Group the people as the published processing does; labels in the order of ids."""
    filled_SP = table.votes_PS[table.order_P].T.toarray().astype(np.float64)
    places_P2 = components(sparse.csr_array(filled_SP - filled_SP.mean(axis=0)), 2)[1].T
    number = derive_seed(seed, "benchmark.ccai.kmeans") % 2**32
    base = KMeans(BASE_CLUSTERS, n_init=10, random_state=number).fit(places_P2)
    found = KMeans(2, n_init=10, random_state=number).fit(base.cluster_centers_).labels_
    labels_P: Ints = found[base.labels_].astype(np.int64)
    return labels_P


def by_person(table: Published, label_P: Ints) -> Ints:
    """Give labels in the order of ids to the rows they belong to."""
    aligned_P = np.empty_like(label_P)
    aligned_P[table.order_P] = label_P
    return aligned_P


# ------------------------------------------------------------------ agreement


def agreement(a_P: Ints, b_P: Ints, rng: np.random.Generator) -> dict[str, Any]:
    """Return the adjusted Rand index of two labellings of whom both label, and what it is by lot."""
    both = (a_P >= 0) & (b_P >= 0)
    a, b = a_P[both], b_P[both]
    people = len(a)
    drawn = [rng.integers(people, size=people) for _ in range(RESAMPLES)]
    return {
        "value": round(float(adjusted_rand_score(a, b)), 4),
        "ci": _range(adjusted_rand_score(a[d], b[d]) for d in drawn),
        "by_lot": _range(adjusted_rand_score(rng.permutation(a), b) for _ in drawn),
        "n": people,
    }


def over_seeds(values: Iterable[float]) -> dict[str, Any]:
    """Return the median of a figure over reruns, with 2.5% and 97.5% quantiles and extremes."""
    found = sorted(values)
    return {
        "median": round(float(np.median(found)), 4),
        "ci": _range(found),
        "range": [round(float(found[0]), 4), round(float(found[-1]), 4)],
        "seeds": len(found),
    }


def _range(values: Iterable[float]) -> list[float]:
    return [round(float(bound), 4) for bound in np.quantile(list(values), (0.025, 0.975))]


# ------------------------------------------------------------------ consensus


def passing(table: Published, label_P: Ints) -> NDArray[np.bool_]:
    """Return which statements pass the bar with these groups, S-long."""
    known = label_P >= 0
    groups = count_by_group(table.votes_PS[known], label_P[known])
    consensus_S = group_aware_consensus(np.array([g.agree for g in groups]), np.array([g.seen for g in groups]))
    above_S: NDArray[np.bool_] = consensus_S > BAR
    return above_S


def _ids(table: Published, chosen_S: NDArray[np.bool_]) -> list[str]:
    return [table.statements[s] for s in np.flatnonzero(chosen_S)]


def consensus(table: Published, reruns: Sequence[Ints], shuffles: int) -> dict[str, Any]:
    """Return how many statements pass with each labelling, and which enter or leave."""
    rng = derive(0, "benchmark.ccai.lot")
    published_S, realigned_S = passing(table, table.published_P), passing(table, table.realigned_P)
    rerun_RS = np.array([passing(table, label_P) for label_P in reruns])
    lots = [passing(table, rng.permutation(table.published_P)).sum() for _ in range(shuffles)]
    return {
        "bar": BAR,
        "statements": len(table.statements),
        "published": int(published_S.sum()),
        "by_lot": {"median": float(np.median(lots)), "ci": _range(lots), "n": shuffles},
        "realigned": int(realigned_S.sum()),
        "polis": int(passing(table, table.polis_P).sum()),
        "rerun": over_seeds(rerun_RS.sum(axis=1)),
        "of_published_in_realigned": int((published_S & realigned_S).sum()),
        "of_published_in_rerun": over_seeds((rerun_RS & published_S).sum(axis=1)),
        "leave": _ids(table, published_S & ~realigned_S),
        "enter": _ids(table, realigned_S & ~published_S),
        "leave_in_every_rerun": _ids(table, published_S & ~rerun_RS.any(axis=0)),
        "enter_in_every_rerun": _ids(table, ~published_S & rerun_RS.all(axis=0)),
    }


def bands(data: Path, table: Published) -> dict[str, Any]:
    """Return what the default analysis says of all statements, and of those that pass with the published groups."""
    found = analyse_consensus(read_consultation(data / "clean"))
    passes = set(_ids(table, passing(table, table.published_P)))
    return {
        "groups": list(found.group_sizes),
        "bands": dict(Counter(str(s.band) for s in found.statements)),
        "of_published": dict(Counter(str(s.band) for s in found.statements if s.statement.id in passes)),
        "resamples": found.resamples,
    }


# ------------------------------------------------------------------ prediction


def prediction(table: Published, label_P: Ints, shuffles: int) -> dict[str, Any]:
    """Return how well a label is told from what people answered, and from which statements they saw."""
    everything_S = np.ones(table.votes_PS.shape[1], dtype=bool)
    answers_PS, seen_PS = centred(table.votes_PS, everything_S), where(table.votes_PS)
    known = label_P >= 0
    return {
        "majority_share": proportion(int(np.bincount(label_P[known]).max()), int(known.sum())).as_json(),
        "from_answers": _told(answers_PS[known].toarray(), label_P[known], shuffles),
        "from_what_was_seen": _told(seen_PS[known].toarray().astype(np.float64), label_P[known], shuffles),
    }


def _told(features_PF: Floats, label_P: Ints, shuffles: int) -> dict[str, Any]:
    """Return accuracy and area under the curve on people left out, and the same of labels by lot."""
    rng = derive(0, "benchmark.ccai.prediction")
    label_PL = np.stack([label_P, *(rng.permutation(label_P) for _ in range(shuffles))], axis=1)
    score_PL = _left_out(features_PF, label_PL)
    hits_L = ((score_PL > 0.5) == label_PL).sum(axis=0)
    score_P = score_PL[:, 0]
    drawn = [rng.integers(len(label_P), size=len(label_P)) for _ in range(RESAMPLES)]
    return {
        "accuracy": proportion(int(hits_L[0]), len(label_P)).as_json(),
        "accuracy_by_lot": {"median": round(float(np.median(hits_L[1:]) / len(label_P)), 4), "n": shuffles}
        | {"ci": _range(hits_L[1:] / len(label_P))},
        "p": round(float((hits_L >= hits_L[0]).mean()), 4),
        "auc": {
            "value": round(float(roc_auc_score(label_P, score_P)), 4),
            "ci": _range(roc_auc_score(label_P[d], score_P[d]) for d in drawn),
            "n": len(label_P),
        },
    }


def _left_out(features_PF: Floats, label_PL: Ints) -> Floats:
    """Return each person's score for each labelling, by ridge regression on all other folds' people."""
    score_PL = np.empty(label_PL.shape)
    for learned, told in KFold(FOLDS, shuffle=True, random_state=0).split(features_PF):
        mean_F, mean_L = features_PF[learned].mean(axis=0), label_PL[learned].mean(axis=0)
        learned_PF = features_PF[learned] - mean_F
        gram_FF = learned_PF.T @ learned_PF + RIDGE * np.eye(features_PF.shape[1])
        weight_FL = np.linalg.solve(gram_FF, learned_PF.T @ (label_PL[learned] - mean_L))
        score_PL[told] = mean_L + (features_PF[told] - mean_F) @ weight_FL
    return score_PL


def measure(data: Path, seeds: int, shuffles: int) -> dict[str, Any]:
    """Make every comparison."""
    started = time.perf_counter()
    table = read(data)
    reruns = [rerun(table, seed) for seed in range(seeds)]  # in the order of ids
    aligned = [by_person(table, label_P) for label_P in reruns]
    grouped = table.polis_P >= 0
    rng = derive(0, "benchmark.ccai.rand")

    def rand(a_P: Ints, others: Iterable[Ints], chosen: NDArray[np.bool_] | slice = slice(None)) -> dict[str, Any]:
        return over_seeds(adjusted_rand_score(a_P[chosen], b_P[chosen]) for b_P in others)

    labellings = {"published": table.published_P, "realigned": table.realigned_P, "polis": table.polis_P}
    return {
        "benchmark": "run_ccai_groups",
        "people": len(table.published_P),
        "votes": int(table.votes_PS.nnz),
        "groups": {name: np.bincount(label_P[label_P >= 0]).tolist() for name, label_P in labellings.items()},
        "rows_in_order_of_ids": bool((np.diff(table.order_P) > 0).all()),
        "rand": {
            "published, Polis": agreement(table.published_P, table.polis_P, rng),
            "published, realigned": agreement(table.published_P, table.realigned_P, rng),
            "realigned, Polis": agreement(table.realigned_P, table.polis_P, rng),
            "published, rerun": rand(table.published_P, aligned),
            "published, rerun by row": rand(table.published_P, reruns),
            "rerun, Polis": rand(table.polis_P, aligned, grouped),
        },
        "prediction": {name: prediction(table, label_P, shuffles) for name, label_P in labellings.items()},
        "consensus": consensus(table, aligned, shuffles),
        "default": bands(data, table),
        "seconds": round(time.perf_counter() - started, 1),
    }


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with clean and raw")
    parser.add_argument("--seeds", type=int, default=40, help="reruns of the published processing")
    parser.add_argument("--shuffles", type=int, default=999, help="labels by lot")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    with threadpool_limits(limits=1):
        row = measure(options.data, options.seeds, options.shuffles)
    print(json.dumps(row) if options.json else json.dumps(row, indent=1))


if __name__ == "__main__":
    main()
