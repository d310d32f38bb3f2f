"""The loopback server: what a client of it gets is what the local model says."""

import math
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from folkmoot.errors import FolkmootError
from folkmoot.models.chat import Message, ask
from folkmoot.models.local import LocalModel
from folkmoot.models.served import ServedModel
from folkmoot.models.server import ModelServer


@pytest.fixture(scope="module")
def server(tiny_engine: LocalModel) -> Iterator[ModelServer]:
    """The tiny model, served."""
    with ModelServer(tiny_engine) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(scope="module")
def served(server: ModelServer) -> ServedModel:
    """A client of it."""
    return ServedModel(server.base_url)


def post(server: ModelServer, body: Any, path: str = "/chat/completions") -> httpx.Response:
    return httpx.post(
        server.base_url + path,
        content=body if isinstance(body, str) else None,
        json=None if isinstance(body, str) else body,
    )


def test_it_is_reached_from_this_machine_only(server: ModelServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.base_url.startswith("http://127.0.0.1:")


def test_it_names_its_model(server: ModelServer, served: ServedModel) -> None:
    assert served.name == "tiny"
    assert httpx.get(server.base_url + "/models").json()["data"] == [{"id": "tiny", "object": "model"}]


def test_a_reply_is_what_the_model_says(served: ServedModel, tiny_engine: LocalModel) -> None:
    talk = ask("What is a fox?", system="Be brief.")
    assert served.reply(talk, max_tokens=5) == tiny_engine.generate([talk], max_new_tokens=5)[0]
    sampled = served.reply(talk, max_tokens=5, temperature=1.0, seed=4)
    assert sampled == tiny_engine.generate([talk], max_new_tokens=5, temperature=1.0, seed=4)[0]
    assert sampled != served.reply(talk, max_tokens=5, temperature=1.0, seed=5)


def test_log_probabilities_are_those_of_the_model(served: ServedModel, tiny_engine: LocalModel) -> None:
    talk = ask("A or B?")
    found = served.first_token_log_probs(talk, top=5)
    values, ids = tiny_engine.next_token_log_probs(talk).topk(5)
    expected = {tiny_engine.tokenizer.decode([int(i)]): float(v) for i, v in zip(ids, values, strict=True)}
    assert found == pytest.approx(expected)
    assert sum(math.exp(value) for value in found.values()) < 1


def test_tokens_of_prompt_and_reply_are_counted(server: ModelServer, tiny_engine: LocalModel) -> None:
    model = ServedModel(server.base_url, "tiny")
    talk = ask("Hi")
    reply = model.reply(talk, max_tokens=3)
    expected = len(tiny_engine.prompt_ids(talk)) + len(tiny_engine.tokenizer.encode(reply, add_special_tokens=False))
    assert model.tokens == expected


def test_a_completion_has_the_form_of_the_interface(server: ModelServer) -> None:
    answer = post(server, {"messages": [Message("user", "Hi").as_dict()], "max_tokens": 2, "unknown": 1}).json()
    assert answer["object"] == "chat.completion"
    (choice,) = answer["choices"]
    assert (choice["index"], choice["message"]["role"], choice["logprobs"]) == (0, "assistant", None)
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_several_clients_are_answered_one_after_the_other(server: ModelServer, tiny_engine: LocalModel) -> None:
    talks = [ask(f"Question {number}?") for number in range(4)]
    found: dict[int, str] = {}

    def client(number: int) -> None:
        found[number] = ServedModel(server.base_url, "tiny").reply(talks[number], max_tokens=4)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict(enumerate(tiny_engine.generate(talks, max_new_tokens=4)))


@pytest.mark.parametrize("body", ["{", "", '{"messages": "Hi"}', '{"messages": [{"role": "user"}]}'])
def test_a_request_that_is_none_is_refused_with_the_reason(server: ModelServer, body: str) -> None:
    answer = post(server, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("change", [{"max_tokens": 0}, {"top_logprobs": 10**6, "logprobs": True}, {"messages": []}])
def test_a_request_that_cannot_be_met_is_refused_with_the_reason(server: ModelServer, change: dict[str, Any]) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1, **change}
    assert post(server, body).status_code == 400


def test_nothing_lies_at_other_addresses(server: ModelServer) -> None:
    assert post(server, {}, "/completions").status_code == 404
    assert httpx.get(server.base_url + "/elsewhere").status_code == 404
    with pytest.raises(FolkmootError, match=r"refused: HTTP 404 .*nothing at"):
        ServedModel(server.base_url + "/v2", "tiny").reply(ask("Hi"))
