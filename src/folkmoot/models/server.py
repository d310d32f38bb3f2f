"""A loopback server around a local model, speaking the OpenAI-compatible chat interface.

For trying a model teacher without any provider, and for tests. It binds 127.0.0.1 only and answers one request at a time.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from folkmoot.models.chat import Message
from folkmoot.models.library import resolve_model
from folkmoot.models.local import LocalModel, pin_threads


class _Turn(BaseModel):
    model_config = ConfigDict(extra="ignore")
    role: str
    content: str


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")
    messages: list[_Turn] = Field(min_length=1)
    max_tokens: int = Field(default=256, ge=1, le=4096)
    temperature: float = Field(default=0.0, ge=0, le=2)
    seed: int = Field(default=0, ge=0, lt=2**63)
    logprobs: bool = False
    top_logprobs: int = Field(default=0, ge=0, le=20)


class ModelServer(ThreadingHTTPServer):
    """Serves one model on 127.0.0.1; `base_url` is what a client is given."""

    daemon_threads = True

    def __init__(self, model: LocalModel, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.model = model
        self.turn = threading.Lock()

    @property
    def base_url(self) -> str:
        """The URL to give to a client."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def complete(self, body: _Body) -> dict[str, Any]:
        """Return a chat completion; log-probabilities are those of the reply's first token."""
        conversation = [Message(t.role, t.content) for t in body.messages]  # type: ignore[arg-type]  # checked by the template
        with self.turn:
            prompt = len(self.model.prompt_ids(conversation))
            reply = self.model.generate(
                [conversation], max_new_tokens=body.max_tokens, temperature=body.temperature, seed=body.seed
            )[0]
            log_probs = {"content": [self._first_token(conversation, body.top_logprobs)]} if body.logprobs else None
        tokens = len(self.model.tokenizer.encode(reply, add_special_tokens=False))
        return {
            "object": "chat.completion",
            "model": self.model.name,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": reply},
                    "finish_reason": "length" if tokens >= body.max_tokens else "stop",
                    "logprobs": log_probs,
                }
            ],
            "usage": {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens},
        }

    def _first_token(self, conversation: list[Message], top: int) -> dict[str, Any]:
        values, ids = self.model.next_token_log_probs(conversation).topk(max(1, top))
        ranked = [
            {"token": self.model.tokenizer.decode([int(i)]), "logprob": float(v)}
            for v, i in zip(values, ids, strict=True)
        ]
        return {**ranked[0], "top_logprobs": ranked[:top]}


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_GET(self) -> None:
        if self.path.rstrip("/") == "/v1/models":
            self._send(200, {"object": "list", "data": [{"id": self.server.model.name, "object": "model"}]})
        else:
            self._send(404, {"error": {"message": f"nothing at {self.path}"}})

    def do_POST(self) -> None:
        if self.path.rstrip("/") != "/v1/chat/completions":
            self._send(404, {"error": {"message": f"nothing at {self.path}"}})
            return
        try:
            body = _Body.model_validate_json(self.rfile.read(int(self.headers.get("content-length", 0))))
        except (ValidationError, ValueError) as error:
            self._send(400, {"error": {"message": str(error)}})
            return
        self._send(200, self.server.complete(body))

    def _send(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
        """Say nothing: prompts are nobody else's business."""


def serve_forever(model: str, port: int, *, say: Callable[[str], None]) -> None:
    """Serve a model until interrupted."""
    pin_threads()
    server = ModelServer(LocalModel.load(resolve_model(model), name=model), port)
    say(f"{model} at {server.base_url} (this machine only); Ctrl-C ends it")
    with server, torch.inference_mode():
        server.serve_forever()
