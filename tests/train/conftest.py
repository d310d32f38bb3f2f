"""Constitutions to teach by, and a model to teach with."""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from folkmoot.records import Bearing, Constitution, Origin, Principle

if TYPE_CHECKING:
    from folkmoot.models.local import LocalModel
    from folkmoot.models.server import ModelServer


def principle(weight: float = 1.0, **stances: str | None) -> Principle:
    """Return a principle that bears on concepts, named with underscores, each with its stance or None."""
    concepts = {name.replace("_", "-"): stance for name, stance in stances.items()}
    about = ", ".join(f"{name} ({stance})" if stance else name for name, stance in concepts.items())
    return Principle(
        text=f"Keep {about} (weight {weight}).",
        critique_request="Say where the reply fails the principle.",
        revision_request="Rewrite the reply.",
        comparison_question="Which reply keeps the principle?",
        weight=weight,
        origins=(Origin("hand", "test"),),
        bearings=tuple(Bearing(name, stance) for name, stance in concepts.items()),
    )


@pytest.fixture(name="principle", scope="session")
def _principle() -> Callable[..., Principle]:
    return principle


@pytest.fixture(scope="session")
def constitution() -> Constitution:
    """Two settled concepts and a contested one, from people who do not exist."""
    return Constitution(
        "Harbour town",
        (principle(2.0, truthfulness=None), principle(1.0, privacy=None), principle(1.0, answer_length="brief")),
        attribution="Votes: nobody's.",
        marks=("The participants were simulated.", "A second mark."),
    )


@pytest.fixture(scope="session")
def model_server(tiny_engine: "LocalModel") -> Iterator["ModelServer"]:
    """The tiny model, served on this machine; its replies are cut after six tokens, for it never comes to an end."""
    from folkmoot.models.server import ModelServer

    class Brief(ModelServer):
        def complete(self, body: Any) -> dict[str, Any]:
            return super().complete(body.model_copy(update={"max_tokens": min(6, body.max_tokens)}))

    with Brief(tiny_engine) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()
