"""A consultation played again: the same people and votes, another router."""

from collections.abc import Callable

import numpy as np
import pytest

from folkmoot.errors import FolkmootError
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.replay import Router, World, real_world, replay, simulated_world


@pytest.fixture(scope="module")
def world(consultation_of: Callable[..., Consultation], camps: Callable[..., list[list[int | None]]]) -> World:
    """Two camps that agree on a third of 24 statements."""
    return real_world(consultation_of(camps([60, 40], seed=3)), ListenConfig())


@pytest.mark.parametrize("router", list(Router))
def test_with_all_votes_every_router_ends_where_the_consultation_ended(world: World, router: Router) -> None:
    found = replay(world, router, 1.0, seed=0)
    assert found.wrong == 0
    assert found.judged == 24
    assert found == replay(world, Router.RANDOM, 1.0, seed=0)


@pytest.mark.parametrize("router", list(Router))
def test_a_replay_is_told_by_its_seed_and_casts_the_fraction(world: World, router: Router) -> None:
    found = replay(world, router, 0.4, seed=1)
    assert found == replay(world, router, 0.4, seed=1)
    assert found.votes == pytest.approx(0.4 * replay(world, router, 1.0, seed=1).votes, rel=0.06)


def test_ours_settles_more_than_random_and_polis_where_people_differ_but_are_one_group() -> None:
    rng = np.random.default_rng(0)
    votes = np.where(rng.random((150, 40)) < rng.uniform(0.5, 1, 40), 1, -1).astype(np.int8)
    known = rng.random((150, 40)) < 0.8
    one, never = np.zeros(150, dtype=np.int64), np.full(150, np.nan)
    public = World(votes, known, one, known.sum(axis=1), never, ListenConfig())
    routers = (Router.OURS_KNOWING_GROUPS, Router.RANDOM, Router.POLIS)
    ours, *others = (np.mean([replay(public, r, 0.4, seed=s).entropy for s in range(5)]) for r in routers)
    assert all(ours < 0.95 * other for other in others)


def test_where_nothing_can_be_judged_it_says_so(world: World) -> None:
    few = World(
        world.vote_PS[:8], world.known_PS[:8], np.zeros(8, int), world.cast_P[:8], world.first_P[:8], world.config
    )
    with pytest.raises(FolkmootError, match="nothing can be judged"):
        replay(few, Router.RANDOM, 0.5, seed=0)


def test_simulated_people_have_an_answer_to_everything_and_say_so(world: World) -> None:
    made = simulated_world(world, seed=0)
    assert made.simulated
    assert not world.simulated
    assert made.known_PS.all()
    assert made.vote_PS.shape == world.vote_PS.shape
    real = [(world.vote_PS[:, s][world.known_PS[:, s]]).mean() for s in range(24)]
    assert np.corrcoef(real, made.vote_PS.mean(axis=0))[0, 1] > 0.9
    assert replay(made, Router.OURS, 0.3, seed=0).votes < 0.4 * made.vote_PS.size


def test_a_group_that_comes_last_does_not_stop_a_replay(world: World) -> None:
    people = len(world.cast_P)
    group = np.where(np.arange(people) < 70, np.arange(people) % 2, 2)
    after = World(world.vote_PS, world.known_PS, group, world.cast_P, group.astype(float), world.config)
    assert replay(after, Router.OURS_KNOWING_GROUPS, 0.5, seed=0).judged == 24
