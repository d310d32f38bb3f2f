"""Effects: what training changed, and whether the constitution is why.

Every effect is a difference between models on the same items. With several training seeds, seeds and items are both
resampled; with one, the interval says nothing about another training run and no causal claim is made.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from folkmoot.concepts import concepts as taxonomy
from folkmoot.errors import FolkmootError
from folkmoot.records import Estimate, ItemScore, Scored
from folkmoot.statistics import two_way_mean

Measure = Callable[[ItemScore], float]
NO_CLAIM = "no causal claim at this scale"
"""What stands for a causal claim where controls or training seeds are too few."""


def item_score(score: ItemScore) -> float:
    """Return the item score of one item."""
    return score.item_score


def strict_score(score: ItemScore) -> float:
    """Return the strict score of one item."""
    return score.strict_score


def crossed_difference(score: ItemScore) -> float:
    """Return how far the prompt moves the ranking the right way, in nats: the item score before it is cut to right or wrong."""
    return score.crossed


def difference(
    treated: Sequence[Scored],
    baseline: Sequence[Scored],
    rng: np.random.Generator,
    *,
    measure: Measure = item_score,
    concepts: Collection[str] | None = None,
) -> Estimate:
    """Return mean(treated - baseline) over items and seeds.

    Args:
        treated: one examination per training seed.
        baseline: one per seed, in the same order, or a single one (a model that no seed changes).
        concepts: only items on these.

    Raises:
        FolkmootError: the two did not sit the same exam.
    """
    if len(baseline) == 1:
        baseline = list(baseline) * len(treated)
    values = [_values(t, b, measure, concepts) for t, b in zip(treated, baseline, strict=True)]
    return two_way_mean(np.array(values), rng)


def _values(treated: Scored, baseline: Scored, measure: Measure, concepts: Collection[str] | None) -> list[float]:
    theirs = {_key(s): s for s in baseline.scores}
    if {_key(s) for s in treated.scores} != set(theirs):
        raise FolkmootError(f"{treated.label!r} and {baseline.label!r} did not sit the same exam")
    return [measure(s) - measure(theirs[_key(s)]) for s in treated.scores if concepts is None or s.concept in concepts]


def _key(score: ItemScore) -> tuple[str, str | None]:
    return score.item_id, score.stance


def reversal(
    kept: Sequence[Scored],
    flipped: Sequence[Scored],
    kept_on_flipped_exam: Sequence[Scored],
    flipped_on_flipped_exam: Sequence[Scored],
    rng: np.random.Generator,
) -> Estimate:
    """Return the interaction of constitution and exam on the contested axes.

    [model by C on exam of C - model by ¬C on exam of C] + [model by ¬C on exam of ¬C - model by C on exam of ¬C], halved:
    above 0 where each model does better by the constitution it was trained on. Items are paired by their id.
    """
    rows = []
    for kc, fc, kf, ff in zip(kept, flipped, kept_on_flipped_exam, flipped_on_flipped_exam, strict=True):
        tables = [{s.item_id: s.item_score for s in scored.scores if s.stance} for scored in (kc, fc, kf, ff)]
        rows.append([((t[0] - t[1]) + (t[3] - t[2])) / 2 for t in ([table[i] for table in tables] for i in tables[0])])
    if not rows or not rows[0]:
        raise FolkmootError("the constitution takes no stance on a contested axis, so there is nothing to flip")
    return two_way_mean(np.array(rows), rng)


def left_out(
    full: Mapping[str, Scored], withheld: Mapping[str, tuple[Collection[str], Scored]], rng: np.random.Generator
) -> Estimate:
    """Return the pooled effect of withholding a concept's lessons, as a difference in differences.

    Each model of `withheld` was trained on as many lessons but none on its own concepts. For those concepts the full
    model's lead over it is taken, minus the full model's mean lead over it on the other taught concepts, so that a
    generally weaker model does not count. Pooled over all items of withheld concepts.

    Args:
        full: the full model's examination by fold name (the same object each time, or one per seed).
        withheld: fold name -> (concepts withheld, examination).
    """
    values: list[float] = []
    table = taxonomy()
    for fold, (concepts, scored) in withheld.items():
        theirs = {_key(s): s.item_score for s in scored.scores}
        leads = [(s.concept, s.item_score - theirs[_key(s)]) for s in full[fold].scores]
        elsewhere = [lead for concept, lead in leads if concept not in concepts and table[concept].taught]
        baseline = float(np.mean(elsewhere)) if elsewhere else 0.0
        values += [lead - baseline for concept, lead in leads if concept in concepts]
    if not values:
        raise FolkmootError("no examined concept was withheld")
    return two_way_mean(np.array([values]), rng)
