"""Effects on constructed examinations whose answers are known."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.errors import FolkmootError
from folkmoot.evaluate.effects import difference, left_out, reversal, strict_score
from folkmoot.records import ItemScore, Scored

LOG_PROBS = {  # item score, strict score -> four log-probabilities
    (1.0, 1.0): (-1.0, -2.0, -2.0, -1.0),
    (1.0, 0.0): (-1.0, -2.0, -1.5, -2.0),
    (0.5, 0.0): (-1.0, -2.0, -1.0, -2.0),
    (0.0, 0.0): (-2.0, -1.0, -1.0, -2.0),
}


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def one(
    item_id: str, score: float, *, concept: str = "privacy", stance: str | None = None, strict: bool = False
) -> ItemScore:
    return ItemScore(f"item:{item_id}", concept, stance, *LOG_PROBS[score, float(strict)], 5, 5)


def examined(label: str, scores: Mapping[str, float], concept: str = "privacy", stance: str | None = None) -> Scored:
    return Scored(label, tuple(one(i, s, concept=concept, stance=stance) for i, s in scores.items()))


def row(label: str, *scores: float, **about: str) -> Scored:
    return examined(label, {str(i): s for i, s in enumerate(scores)}, **about)


def joined(*parts: Scored) -> Scored:
    return Scored(parts[0].label, tuple(s for part in parts for s in part.scores))


# ------------------------------------------------------------------ difference


def test_a_difference_is_of_the_same_items() -> None:
    before, after = row("untrained", 0, 0, 0.5, 1), row("final", 1, 0, 1, 1)
    estimate = difference([after], [before], rng())
    assert estimate.value == pytest.approx(1.5 / 4)
    assert estimate.n == 4
    assert estimate.ci[0] <= estimate.value <= estimate.ci[1]
    shuffled = Scored("untrained", before.scores[::-1])
    assert difference([after], [shuffled], rng()) == estimate


def test_an_improvement_of_every_item_is_certain() -> None:
    estimate = difference([row("final", *[1.0] * 30)], [row("untrained", *[0.5] * 30)], rng())
    assert (estimate.value, estimate.ci) == (0.5, (0.5, 0.5))


def test_a_model_differs_from_itself_by_nothing() -> None:
    same = row("final", 1, 0, 0.5, 1, 0)
    estimate = difference([same], [same], rng())
    assert (estimate.value, estimate.ci) == (0.0, (0.0, 0.0))


def test_a_baseline_without_seeds_stands_against_every_seed() -> None:
    seeds = [row("seed 0", 1, 1, 0, 0), row("seed 1", 1, 1, 1, 1)]
    baseline = row("untrained", 0, 0, 0, 0)
    assert difference(seeds, [baseline], rng()).value == pytest.approx(0.75)
    assert difference(seeds, [baseline, baseline], rng()) == difference(seeds, [baseline], rng())


def test_seeds_are_compared_with_the_control_of_their_own_seed() -> None:
    treated = [row("seed 0", 1, 1, 1, 1), row("seed 1", 0, 0, 0, 0)]
    control = [row("control 0", 1, 1, 1, 1), row("control 1", 0, 0, 0, 0)]
    estimate = difference(treated, control, rng())
    assert (estimate.value, estimate.ci) == (0.0, (0.0, 0.0))


def test_seeds_that_disagree_widen_the_interval() -> None:
    baseline = [row("untrained", *[0.0] * 40)]
    agreeing = [row(f"seed {s}", *[1.0, 0.0] * 20) for s in range(3)]
    disagreeing = [row(f"seed {s}", *[score] * 40) for s, score in enumerate((0.0, 0.5, 1.0))]
    narrow, wide = difference(agreeing, baseline, rng()), difference(disagreeing, baseline, rng())
    assert narrow.value == wide.value == 0.5
    assert wide.ci[1] - wide.ci[0] > narrow.ci[1] - narrow.ci[0]


def test_unequal_numbers_of_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        difference([row("a", 1)] * 3, [row("b", 1)] * 2, rng())


def test_another_measure_may_be_asked_for() -> None:
    after = Scored("final", (one("0", 1.0, strict=True), one("1", 1.0)))
    before = Scored("untrained", (one("0", 1.0), one("1", 1.0)))
    assert difference([after], [before], rng()).value == 0.0
    assert difference([after], [before], rng(), measure=strict_score).value == 0.5


def test_a_difference_may_be_confined_to_concepts() -> None:
    def exam(label: str, privacy: float, dignity: float) -> Scored:
        return joined(examined(label, {"0": privacy, "1": privacy}), examined(label, {"2": dignity}, concept="dignity"))

    before, after = exam("untrained", 0.5, 0.5), exam("final", 1.0, 0.0)
    assert difference([after], [before], rng(), concepts={"privacy"}).value == 0.5
    dignity = difference([after], [before], rng(), concepts={"dignity"})
    assert (dignity.value, dignity.n) == (-0.5, 1)


def test_a_difference_on_concepts_that_were_not_examined_is_an_error() -> None:
    with pytest.raises(FolkmootError):
        difference([row("final", 1)], [row("untrained", 1)], rng(), concepts={"dignity"})


@pytest.mark.parametrize(
    "other",
    [
        row("untrained", 1, 0, 1),
        row("untrained", 1),
        examined("untrained", {"0": 1, "9": 0}),
        row("untrained", 1, 0, stance="sober"),
    ],
    ids=["more items", "fewer items", "another item", "another stance"],
)
def test_models_that_sat_different_exams_are_not_compared(other: Scored) -> None:
    with pytest.raises(FolkmootError, match="'final' and 'untrained' did not sit the same exam"):
        difference([row("final", 1, 0)], [other], rng())


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(*[st.sampled_from([0.0, 0.5, 1.0])] * 2), min_size=1, max_size=15))
def test_turning_a_difference_round_turns_its_sign(pairs: list[tuple[float, float]]) -> None:
    after, before = row("final", *[a for a, _ in pairs]), row("untrained", *[b for _, b in pairs])
    there, back = difference([after], [before], rng()), difference([before], [after], rng())
    assert back.value == pytest.approx(-there.value)
    assert back.ci == pytest.approx((-there.ci[1], -there.ci[0]))
    assert -1 <= there.ci[0] <= there.ci[1] <= 1


# ------------------------------------------------------------------ reversal


def contested(label: str, *scores: float, stance: str = "playful") -> Scored:
    return row(label, *scores, concept="playfulness", stance=stance)


def test_models_that_each_keep_their_own_constitution_reverse_fully() -> None:
    good, bad = [contested("x", 1, 1, 1)], [contested("x", 0, 0, 0)]
    estimate = reversal(good, bad, bad, good, rng())
    assert (estimate.value, estimate.ci, estimate.n) == (1.0, (1.0, 1.0), 3)
    assert reversal(bad, good, good, bad, rng()).value == -1.0


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_a_model_merely_better_than_the_other_reverses_nothing(score: float) -> None:
    kept, flipped = contested("kept", *[1.0] * 3), contested("flipped", *[score] * 3)
    assert reversal([kept], [flipped], [kept], [flipped], rng()).value == 0.0


def test_half_a_reversal_is_half() -> None:
    # the model by the constitution keeps it; the flipped one is at chance on both exams
    at_chance = [contested("flipped", 0.5, 0.5)]
    kept, kept_on_flipped = [contested("kept", 1, 1)], [contested("kept", 0, 0)]
    assert reversal(kept, at_chance, kept_on_flipped, at_chance, rng()).value == 0.5


def test_reversal_pairs_items_whatever_their_order_and_stance() -> None:
    # item 0 differs on the one exam, item 1 on the other: paired, each reverses by a half
    kept, flipped = contested("kept", 1, 1), contested("flipped", 0, 1)
    kept_on_flipped, flipped_on_flipped = (
        Scored(label, contested(label, *scores, stance="sober").scores[::-1])
        for label, scores in (("kept", (1, 0)), ("flipped", (1, 1)))
    )
    estimate = reversal([kept], [flipped], [kept_on_flipped], [flipped_on_flipped], rng())
    assert (estimate.value, estimate.ci) == (0.5, (0.5, 0.5))


def test_reversal_is_of_contested_axes_alone() -> None:
    axis, settled = contested("kept", 1, 1), row("kept", 0, 0, 0)
    kept, flipped = joined(axis, settled), joined(contested("flipped", 0, 0), row("flipped", 1, 1, 1))
    estimate = reversal([kept], [flipped], [contested("kept", 0, 0)], [contested("flipped", 1, 1)], rng())
    assert (estimate.value, estimate.n) == (1.0, 2)


def test_reversal_resamples_seeds() -> None:
    seeds = [contested(f"seed {s}", *[score] * 20) for s, score in enumerate((1.0, 0.0))]
    chance = [contested("chance", *[0.5] * 20)] * 2
    estimate = reversal(seeds, chance, chance, chance, rng())
    assert estimate.value == 0.0
    assert estimate.ci == (-0.25, 0.25)


@pytest.mark.parametrize("kept", [[], [row("kept", 1, 0)]], ids=["no model", "no axis"])
def test_a_constitution_without_a_stance_has_nothing_to_flip(kept: list[Scored]) -> None:
    with pytest.raises(FolkmootError, match="takes no stance on a contested axis, so there is nothing to flip"):
        reversal(kept, kept, kept, kept, rng())


# ------------------------------------------------------------------ left out


def exam(label: str, **scores: tuple[float, ...]) -> Scored:
    """Return an examination with so many items per concept."""
    return joined(
        *(
            examined(label, {f"{concept}{i}": s for i, s in enumerate(values)}, concept=concept.replace("_", "-"))
            for concept, values in scores.items()
        )
    )


def test_the_effect_of_withholding_is_what_is_lost_there_and_not_elsewhere() -> None:
    full = exam("full", privacy=(1, 1), dignity=(1, 1))
    without = exam("without", privacy=(0, 0), dignity=(1, 1))
    estimate = left_out({"f": full}, {"f": (("privacy",), without)}, rng())
    assert (estimate.value, estimate.ci, estimate.n) == (1.0, (1.0, 1.0), 2)


def test_a_model_weaker_everywhere_shows_no_effect_of_withholding() -> None:
    full = exam("full", privacy=(1, 1), dignity=(1, 1))
    without = exam("without", privacy=(0.5, 0.5), dignity=(0.5, 0.5))
    assert left_out({"f": full}, {"f": (("privacy",), without)}, rng()).value == 0.0


def test_folds_are_pooled_over_their_own_items() -> None:
    full = exam("full", privacy=(1,), dignity=(1, 1, 1))
    estimate = left_out(
        {"one": full, "two": full},
        {
            "one": (("privacy",), exam("without privacy", privacy=(0,), dignity=(1, 1, 1))),
            "two": (("dignity",), exam("without dignity", privacy=(1,), dignity=(1, 1, 1))),
        },
        rng(),
    )
    assert (estimate.value, estimate.n) == (pytest.approx(0.25), 4)


def test_where_nothing_else_was_examined_the_lead_itself_counts() -> None:
    full, without = exam("full", privacy=(1, 1)), exam("without", privacy=(0.5, 0))
    assert left_out({"f": full}, {"f": (("privacy",), without)}, rng()).value == pytest.approx(0.75)


def test_the_lead_elsewhere_is_that_on_taught_concepts() -> None:
    full = exam("full", privacy=(1,), dignity=(1,), fair_work=(1,))
    without = exam("without", privacy=(0,), dignity=(1,), fair_work=(0,))
    assert left_out({"f": full}, {"f": (("privacy",), without)}, rng()).value == 1.0


@pytest.mark.parametrize(
    "withheld", [{}, {"f": (("dignity",), exam("without", privacy=(1,)))}], ids=["none", "unasked"]
)
def test_without_a_withheld_concept_in_the_exam_there_is_no_effect(
    withheld: dict[str, tuple[tuple[str, ...], Scored]],
) -> None:
    with pytest.raises(FolkmootError, match="no examined concept was withheld"):
        left_out({"f": exam("full", privacy=(1,))}, withheld, rng())
