"""One seed, a stream for every purpose, the same on every machine, and no global state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.seeds import derive, derive_seed

purposes = st.lists(st.text(st.characters(exclude_categories=["C"]), max_size=10) | st.integers(), max_size=4)


def test_seeds_are_the_same_on_every_machine() -> None:
    assert derive_seed(0) == 3456079177858693020
    assert derive_seed(7, "train.dpo", 3) == 3622659932310312585
    assert derive(7, "train.dpo", 3).integers(0, 1000, 5).tolist() == [163, 765, 303, 41, 955]


@given(st.integers(), purposes)
def test_a_seed_has_63_bits_and_is_always_the_same(root: int, purpose: list[str | int]) -> None:
    seed = derive_seed(root, *purpose)
    assert 0 <= seed < 2**63
    assert derive_seed(root, *purpose) == seed
    assert derive(root, *purpose).random() == derive(root, *purpose).random()


@given(st.tuples(st.integers(), purposes), st.tuples(st.integers(), purposes))
def test_another_root_or_purpose_has_another_seed(
    one: tuple[int, list[str | int]], other: tuple[int, list[str | int]]
) -> None:
    same = one[0] == other[0] and list(map(str, one[1])) == list(map(str, other[1]))
    assert (derive_seed(one[0], *one[1]) == derive_seed(other[0], *other[1])) is same


def test_where_one_part_of_a_purpose_ends_matters() -> None:
    seeds = {
        derive_seed(1, "ab", "c"),
        derive_seed(1, "a", "bc"),
        derive_seed(1, "abc"),
        derive_seed(1, "c", "ab"),
        derive_seed(1, "abc", ""),
        derive_seed(11, "abc"),
        derive_seed(1, 1, "abc"),
    }
    assert len(seeds) == 7


@pytest.mark.parametrize("step", [0, 1])
def test_streams_of_two_purposes_do_not_go_together(step: int) -> None:
    drawn = [derive(step, purpose).standard_normal(2_000) for purpose in ("train.order", "evaluate.bootstrap")]
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.08  # 3.5 standard errors


def test_a_draw_in_one_place_changes_nothing_elsewhere() -> None:
    np.random.seed(3)  # noqa: NPY002 - the global state is what must not change
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    first = derive(5, "listen.bootstrap").random(4).tolist()
    derive(5, "listen.shuffle").random(100)
    assert derive(5, "listen.bootstrap").random(4).tolist() == first
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
