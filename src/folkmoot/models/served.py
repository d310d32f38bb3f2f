"""Served models: any server that speaks the OpenAI-compatible chat interface.

Only what Folkmoot needs: replies, and the log-probabilities of a reply's first token. Requests carry a timeout and are tried
again where the server asks for it; a server that never answers is one clear error.
"""

import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from folkmoot.errors import FolkmootError, UsageError
from folkmoot.models.chat import Message

_LONGEST_WAIT_S = 30.0
_TRY_AGAIN = {408, 409, 429, 500, 502, 503, 504}


class _Top(BaseModel):
    model_config = ConfigDict(extra="ignore")
    token: str
    logprob: float


class _Token(_Top):
    top_logprobs: list[_Top] = []


class _LogProbs(BaseModel):
    model_config = ConfigDict(extra="ignore")
    content: list[_Token] | None = None


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore")
    content: str | None = None


class _Choice(BaseModel):
    model_config = ConfigDict(extra="ignore")
    message: _Reply
    logprobs: _LogProbs | None = None


class _Usage(BaseModel):
    model_config = ConfigDict(extra="ignore")
    total_tokens: int = 0


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str


class _Models(BaseModel):
    model_config = ConfigDict(extra="ignore")
    data: list[_Model]


class _Completion(BaseModel):
    model_config = ConfigDict(extra="ignore")
    choices: list[_Choice]
    usage: _Usage | None = None


@dataclass(slots=True)
class ServedModel:
    """A model behind an OpenAI-compatible base URL, e.g. ``http://127.0.0.1:8741/v1``.

    Attributes:
        name: the model's name at the server; empty asks the server for its first model.
        tokens: tokens the server has counted so far.
    """

    base_url: str
    name: str = ""
    timeout_s: float = 120.0
    attempts: int = 4
    tokens: int = 0
    _client: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not _is_url(self.base_url):
            raise UsageError(f"{self.base_url!r} is no URL of a model server", do="give e.g. http://127.0.0.1:8741/v1")
        headers = {}
        if key := os.environ.get("FOLKMOOT_API_KEY") or os.environ.get("OPENAI_API_KEY"):
            headers["Authorization"] = f"Bearer {key}"
        self._client = httpx.Client(base_url=self.base_url.rstrip("/") + "/", headers=headers, timeout=self.timeout_s)
        if not self.name:
            answer = self._request("GET", "models")
            try:
                self.name = _Models.model_validate(answer).data[0].id
            except (ValidationError, IndexError) as error:
                raise FolkmootError(
                    "the server names no model", where=self.base_url, do="give it as URL#MODEL"
                ) from error

    def reply(
        self, conversation: Sequence[Message], *, max_tokens: int = 256, temperature: float = 0.0, seed: int = 0
    ) -> str:
        """Return the model's reply."""
        choice = self._complete(conversation, max_tokens=max_tokens, temperature=temperature, seed=seed)
        return (choice.message.content or "").strip()

    def first_token_log_probs(self, conversation: Sequence[Message], *, top: int = 20) -> dict[str, float]:
        """Return the log-probabilities (nats) of the most probable first tokens of the reply.

        Raises:
            FolkmootError: the server gives no log-probabilities.
        """
        choice = self._complete(conversation, max_tokens=1, temperature=0.0, seed=0, logprobs=True, top_logprobs=top)
        tokens = choice.logprobs.content if choice.logprobs else None
        if not tokens:
            raise FolkmootError(
                "the server gives no log-probabilities, which comparing needs",
                where=f"{self.base_url}, model {self.name}",
                do="use a server that supports `logprobs` and `top_logprobs` for chat completions",
            )
        return {t.token: t.logprob for t in [*tokens[0].top_logprobs, tokens[0]]}

    def _complete(self, conversation: Sequence[Message], **options: Any) -> _Choice:
        body = {"model": self.name, "messages": [m.as_dict() for m in conversation], **options}
        answer = self._request("POST", "chat/completions", body)
        try:
            completion = _Completion.model_validate(answer)
            choice = completion.choices[0]
        except (ValidationError, IndexError) as error:
            raise FolkmootError(
                "the server's answer is no chat completion", where=f"{self.base_url}: {json.dumps(answer)[:200]}"
            ) from error
        self.tokens += completion.usage.total_tokens if completion.usage else 0
        return choice

    def _request(self, method: str, path: str, body: object = None) -> Any:
        wait_s = 0.5
        for attempt in range(1, self.attempts + 1):
            trouble = ""
            try:
                response = self._client.request(method, path, json=body)
                if response.status_code not in _TRY_AGAIN:
                    response.raise_for_status()
                    return self._parsed(response)
                trouble = f"HTTP {response.status_code}"
                wait_s = _retry_after(response, wait_s)
            except httpx.HTTPStatusError as error:
                raise FolkmootError(
                    f"the model server refused: HTTP {error.response.status_code} {error.response.text[:200]}",
                    where=str(error.request.url),
                    do="check the URL, the model's name and FOLKMOOT_API_KEY",
                ) from error
            except httpx.TransportError as error:
                trouble = str(error) or type(error).__name__
            if attempt < self.attempts:
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        raise FolkmootError(
            f"the model server does not answer: {trouble}",
            where=f"{self.base_url.rstrip('/')}/{path}",
            do="check that it runs and is reachable; what was answered before is kept",
        )

    @staticmethod
    def _parsed(response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise FolkmootError(
                f"the server's answer is not JSON: {response.text[:200]}",
                where=str(response.request.url),
                do="check that the URL is that of an OpenAI-compatible interface, e.g. http://127.0.0.1:8741/v1",
            ) from error


def _retry_after(response: httpx.Response, otherwise_s: float) -> float:
    """Return the seconds a server asks to wait; a date, or nonsense, leaves what would be waited anyway."""
    try:
        asked_s = float(response.headers.get("retry-after", otherwise_s))
    except ValueError:
        return otherwise_s
    return min(max(asked_s, 0.0), _LONGEST_WAIT_S) if math.isfinite(asked_s) else otherwise_s


def _is_url(text: str) -> bool:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        return False
    return url.scheme in {"http", "https"} and bool(url.host)
