"""Served models: what is asked, what is tried again, and what a user is told when a server does not do its part."""

import socket
from typing import Any

import pytest

from folkmoot.errors import FolkmootError, UsageError
from folkmoot.models.chat import ask
from folkmoot.models.served import ServedModel

AT_ONCE = {"retry-after": "0"}


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FOLKMOOT_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def completion(content: str | None = "Yes.", **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": content}, **more}], "usage": {"total_tokens": 7}}


def top(**log_probs: float) -> dict[str, Any]:
    ranked = [{"token": token, "logprob": value} for token, value in log_probs.items()]
    return {"content": [{**ranked[0], "top_logprobs": ranked}]}


# ------------------------------------------------------------------ asking


def test_a_conversation_is_sent_and_the_reply_comes_back(script: Any) -> None:
    server = script((200, completion("  Yes. \n")))
    model = ServedModel(server.base_url, "m")
    assert model.reply(ask("Hi", system="Be brief."), max_tokens=5, temperature=0.5, seed=3) == "Yes."
    (request,) = server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["body"] == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_tokens": 5,
        "temperature": 0.5,
        "seed": 3,
    }
    assert "authorization" not in {name.lower() for name in request["headers"]}


def test_a_base_url_may_end_in_a_slash(script: Any) -> None:
    server = script((200, completion()))
    ServedModel(server.base_url + "/", "m").reply(ask("Hi"))
    assert server.requests[0]["path"] == "/v1/chat/completions"


def test_an_empty_reply_is_an_empty_text(script: Any) -> None:
    assert ServedModel(script((200, completion(None))).base_url, "m").reply(ask("Hi")) == ""


@pytest.mark.parametrize("variable", ["FOLKMOOT_API_KEY", "OPENAI_API_KEY"])
def test_a_key_of_the_environment_is_sent(script: Any, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "secret")
    server = script((200, completion()))
    model = ServedModel(server.base_url, "m")
    model.reply(ask("Hi"))
    assert server.requests[0]["headers"]["Authorization"] == "Bearer secret"
    assert "secret" not in repr(model)


def test_tokens_are_counted_as_the_server_counts_them(script: Any) -> None:
    without_usage = {"choices": completion()["choices"]}
    model = ServedModel(script((200, completion()), (200, completion()), (200, without_usage)).base_url, "m")
    for _ in range(3):
        model.reply(ask("Hi"))
    assert model.tokens == 14


def test_a_model_without_name_is_the_servers_first(script: Any) -> None:
    server = script((200, {"data": [{"id": "first"}, {"id": "second"}]}), (200, completion()))
    model = ServedModel(server.base_url)
    assert model.name == "first"
    model.reply(ask("Hi"))
    assert [request["path"] for request in server.requests] == ["/v1/models", "/v1/chat/completions"]
    assert server.requests[1]["body"]["model"] == "first"


def test_log_probabilities_are_those_of_the_first_token(script: Any) -> None:
    server = script((200, completion(logprobs=top(A=-0.5, B=-1.0))))
    assert ServedModel(server.base_url, "m").first_token_log_probs(ask("A or B?"), top=2) == {"A": -0.5, "B": -1.0}
    body = server.requests[0]["body"]
    assert (body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (1, True, 2)


# ------------------------------------------------------------------ trying again


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(script: Any, status: int) -> None:
    server = script((status, "busy", AT_ONCE), (status, "busy", AT_ONCE), (200, completion()))
    assert ServedModel(server.base_url, "m").reply(ask("Hi")) == "Yes."
    assert len(server.requests) == 3


def test_a_server_that_stays_busy_is_given_up(script: Any) -> None:
    server = script((503, "busy", AT_ONCE))
    with pytest.raises(FolkmootError, match="the model server does not answer: HTTP 503") as error:
        ServedModel(server.base_url, "m", attempts=3).reply(ask("Hi"))
    assert len(server.requests) == 3
    assert server.base_url in error.value.where
    assert "is reachable" in error.value.do


def test_waiting_doubles_where_the_server_does_not_say_how_long(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("folkmoot.models.served.time.sleep", waits.append)
    with pytest.raises(FolkmootError, match="HTTP 503"):
        ServedModel(script((503, "busy")).base_url, "m").reply(ask("Hi"))
    assert waits == [0.5, 1.0, 2.0]


def test_a_wait_that_the_server_asks_for_has_an_end(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("folkmoot.models.served.time.sleep", waits.append)
    server = script((429, "slower", {"retry-after": "86400"}), (200, completion()))
    assert ServedModel(server.base_url, "m").reply(ask("Hi")) == "Yes."
    assert waits == [30.0]


@pytest.mark.parametrize("after", ["Wed, 21 Oct 2026 07:28:00 GMT", "nan", "-1", "soon"])
def test_a_server_may_say_in_any_way_when_to_try_again(
    script: Any, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("folkmoot.models.served.time.sleep", waits.append)
    with pytest.raises(FolkmootError, match="HTTP 503"):
        ServedModel(script((503, "busy", {"retry-after": after})).base_url, "m", attempts=2).reply(ask("Hi"))
    assert all(0 <= wait <= 30 for wait in waits)


# ------------------------------------------------------------------ what a user is told


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_said_at_once_with_the_servers_words(script: Any, status: int) -> None:
    server = script((status, {"error": "no such key"}))
    with pytest.raises(FolkmootError, match=f"refused: HTTP {status} .*no such key") as error:
        ServedModel(server.base_url, "m").reply(ask("Hi"))
    assert len(server.requests) == 1
    assert error.value.where == f"{server.base_url}/chat/completions"
    assert "FOLKMOOT_API_KEY" in error.value.do


def test_a_server_that_moved_is_not_followed(script: Any) -> None:
    server = script((307, "", {"location": "http://127.0.0.1:9/v1"}))
    with pytest.raises(FolkmootError, match="refused: HTTP 307"):
        ServedModel(server.base_url, "m").reply(ask("Hi"))


@pytest.mark.parametrize(
    "log_probs", [{}, {"logprobs": None}, {"logprobs": {"content": None}}, {"logprobs": {"content": []}}]
)
def test_a_server_without_log_probabilities_cannot_compare(script: Any, log_probs: dict[str, Any]) -> None:
    server = script((200, completion(**log_probs)))
    with pytest.raises(FolkmootError, match="gives no log-probabilities") as error:
        ServedModel(server.base_url, "m").first_token_log_probs(ask("A or B?"))
    assert error.value.where == f"{server.base_url}, model m"
    assert "top_logprobs" in error.value.do


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"error": "out of memory"},
        {"choices": []},
        {"choices": "Yes."},
        {"choices": [{"text": "Yes."}]},
        {"choices": [{"message": {"content": 3}}]},
        [],
        [1],
        None,
        3,
    ],
)
def test_an_answer_that_is_no_completion_is_shown(script: Any, answer: object) -> None:
    server = script((200, answer))
    with pytest.raises(FolkmootError, match="the server's answer is no chat completion") as error:
        ServedModel(server.base_url, "m", attempts=1).reply(ask("Hi"))
    assert server.base_url in error.value.where


def test_a_web_page_is_no_model_server(script: Any) -> None:
    server = script((200, "<html>Welcome</html>"))
    with pytest.raises(FolkmootError) as error:
        ServedModel(server.base_url, "m", attempts=1).reply(ask("Hi"))
    assert "does not answer" not in error.value.what
    assert "Welcome" in str(error.value)


@pytest.mark.parametrize("models", [{}, {"data": []}, {"data": None}])
def test_a_server_that_names_no_model_is_asked_for_one_by_name(script: Any, models: dict[str, Any]) -> None:
    server = script((200, models))
    with pytest.raises(FolkmootError, match="the server names no model") as error:
        ServedModel(server.base_url)
    assert error.value.where == server.base_url
    assert "URL#MODEL" in error.value.do


@pytest.mark.parametrize("models", [{"data": [{"name": "m"}]}, {"data": ["m"]}, {"data": {"m": 1}}, {"data": 3}])
def test_a_list_of_models_that_is_none_is_an_error_without_traceback(script: Any, models: dict[str, Any]) -> None:
    with pytest.raises(FolkmootError):
        ServedModel(script((200, models)).base_url)


def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_server_that_is_not_there_is_said_to_be_so() -> None:
    url = f"http://127.0.0.1:{closed_port()}/v1"
    with pytest.raises(FolkmootError, match=r"the model server does not answer: .*refused") as error:
        ServedModel(url, "m", attempts=1).reply(ask("Hi"))
    assert "check that it runs" in error.value.do


def test_an_error_names_the_address_that_was_asked() -> None:
    url = f"http://127.0.0.1:{closed_port()}/v1"
    with pytest.raises(FolkmootError) as error:
        ServedModel(url, attempts=1)
    assert error.value.where == f"{url}/models"


def test_a_server_that_says_nothing_runs_into_the_time_limit() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(FolkmootError, match="does not answer: timed out"):
            ServedModel(url, "m", timeout_s=0.1, attempts=1).reply(ask("Hi"))


@pytest.mark.parametrize("url", ["", "127.0.0.1:8741/v1", "ftp://127.0.0.1/v1", "written"])
def test_what_is_no_url_is_a_wrong_usage(url: str) -> None:
    with pytest.raises(UsageError, match="is no URL of a model server") as error:
        ServedModel(url, "m")
    assert "http://127.0.0.1:8741/v1" in error.value.do


@pytest.mark.parametrize(
    "url",
    [
        *(url for url in ("http://127.0.0.1:port/v1", "http://[::1/v1")),
        "http://127.0.0.1:99999/v1",
        "http:///v1",
    ],
)
def test_a_malformed_url_is_an_error_without_traceback(url: str) -> None:
    with pytest.raises(FolkmootError):
        ServedModel(url, "m", attempts=1).reply(ask("Hi"))
