"""The local engine: a causal language model in this process, with transformers.

Axes: B rows, T tokens of a row, R response tokens.

The work of scoring is in prefill, so a prompt is computed once for all its responses: they lie side by side in one
row behind it, each with the positions it would have alone, and a mask keeps them from seeing one another. What all prompts
begin with (a system prompt, a constitution) is read once, and its keys and values stand before every row.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as hf_logging

from folkmoot.errors import FolkmootError
from folkmoot.models.chat import Message

# a command shows its own progress, and on standard error alone
hf_logging.disable_progress_bar()

_WHOLE = "use a folder with config.json, tokenizer files and model.safetensors that transformers can load"

ROW_TOKENS = 2048
"""Tokens of a forward pass in one batch; measured flat between 1,024 and 4,096 on two cores."""

_WORTH_SHARING = 16
"""Tokens that prompts must have in common before reading them once pays."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Log-probability of one response under one prompt: summed over its tokens (nats), end token included."""

    log_prob: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt and its responses as token ids."""

    prompt: list[int]
    responses: list[list[int]]

    @property
    def length(self) -> int:
        """Tokens of the row."""
        return len(self.prompt) + sum(map(len, self.responses))


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows padded into one batch.

    Attributes:
        input_ids, position_ids: (B, T).
        mask: (B, 1, T, S + T), True where a token may attend; S tokens were read before the rows, and all may be seen.
        source_4R: for every response token its (row, position of the token before it, token, response number in the batch),
            shape (4, R).
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    mask: torch.Tensor
    source_4R: torch.Tensor
    n_responses: int


def pack(rows: Sequence[Row], pad: int, *, read_before: int = 0) -> Packed:
    """Lay rows into one batch such that no response sees another.

    Args:
        read_before: tokens that stand before every row and whose keys and values are known (S).
    """
    width = max(row.length for row in rows)
    input_ids = torch.full((len(rows), width), pad, dtype=torch.long)
    position_ids = torch.zeros((len(rows), width), dtype=torch.long)
    # segment 0 is the prompt, 1… the responses, -1 padding; a token sees the prompt and its own segment, up to itself
    segment = torch.full((len(rows), width), -1, dtype=torch.long)
    source: list[tuple[int, int, int, int]] = []
    number = 0
    for b, row in enumerate(rows):
        n = len(row.prompt)
        input_ids[b, :n] = torch.tensor(row.prompt)
        position_ids[b, :n] = torch.arange(read_before, read_before + n)
        segment[b, :n] = 0
        start = n
        for s, response in enumerate(row.responses, start=1):
            end = start + len(response)
            input_ids[b, start:end] = torch.tensor(response)
            position_ids[b, start:end] = torch.arange(read_before + n, read_before + n + len(response))
            segment[b, start:end] = s
            source += [(b, n - 1 if i == 0 else start + i - 1, token, number) for i, token in enumerate(response)]
            start = end
            number += 1
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    same = segment[:, :, None] == segment[:, None, :]
    mask = torch.nn.functional.pad(causal & (same | (segment == 0)[:, None, :]), (read_before, 0), value=True)
    return Packed(input_ids, position_ids, mask[:, None], torch.tensor(source, dtype=torch.long).T, number)


def shared_beginning(rows: Sequence[Row]) -> int:
    """Return how many tokens all prompts begin with, where reading them once pays, else 0; never a whole prompt."""
    if len(rows) < 2:
        return 0
    first, *others = (row.prompt for row in rows)
    length = min(map(len, (first, *others))) - 1
    for prompt in others:
        while prompt[:length] != first[:length]:
            length = next(i for i in range(length) if prompt[i] != first[i])
    return length if length >= _WORTH_SHARING else 0


def response_log_probs(model: PreTrainedModel, packed: Packed, read_before: DynamicCache | None = None) -> torch.Tensor:
    """Return the summed log-probability of every response of the batch, shape (responses,), differentiable.

    Args:
        read_before: keys and values of what stands before every row, for the whole batch.
    """
    device = model.device
    hidden = model.base_model(
        input_ids=packed.input_ids.to(device),
        position_ids=packed.position_ids.to(device),
        attention_mask=packed.mask.to(device),
        past_key_values=read_before,
        use_cache=read_before is not None,
    ).last_hidden_state
    row, position, token, number = packed.source_4R.to(device)
    logits = model.get_output_embeddings()(hidden[row, position]).float()
    log_prob = -torch.nn.functional.cross_entropy(logits, token, reduction="none")
    return torch.zeros(packed.n_responses, device=device).index_add(0, number, log_prob)


class LocalModel:
    """A causal language model and its tokenizer, on CPU or the one GPU.

    Not thread-safe. Numbers depend on the machine's kernels; on one machine with a fixed thread count they repeat exactly.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.end_id = end_of_turn(tokenizer)

    @classmethod
    def load(cls, folder: Path, *, name: str = "", dtype: torch.dtype = torch.bfloat16) -> "LocalModel":
        """Load a model folder: config, tokenizer and safetensors weights.

        Raises:
            FolkmootError: the folder is missing, has no or not all safetensors weights, or its config cannot be read.
        """
        check_model_folder(folder)
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder)
            model, info = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, use_safetensors=True, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            raise FolkmootError(f"the model cannot be loaded: {error}", where=str(folder), do=_WHOLE) from error
        if missing := sorted(info["missing_keys"]):
            raise FolkmootError(f"the model's weights lack {missing[0]}", where=str(folder), do=_WHOLE)
        return cls(model.to(device()).eval(), tokenizer, name or folder.name)

    def prompt_ids(self, conversation: Sequence[Message]) -> list[int]:
        """Return the token ids of a conversation, up to where the assistant's reply begins."""
        return chat_ids(self.tokenizer, conversation)

    def row(self, conversation: Sequence[Message], responses: Sequence[str]) -> Row:
        """Return the token ids of a prompt and its responses, each with its end token."""
        return Row(self.prompt_ids(conversation), [response_ids(self.tokenizer, r) for r in responses])

    @torch.inference_mode()
    def log_probs(
        self, conversations: Sequence[Sequence[Message]], responses: Sequence[Sequence[str]]
    ) -> Iterator[list[Reply]]:
        """Yield, in order, the log-probability of every response under its conversation.

        A conversation's responses share its prefill, and conversations share the beginning that all of them have. Rows are
        batched by length, so the whole is computed before the first is yielded.
        """
        rows = [self.row(c, r) for c, r in zip(conversations, responses, strict=True)]
        shared = shared_beginning(rows)
        beginning = self._read(rows[0].prompt[:shared]) if shared else None
        rows = [Row(row.prompt[shared:], row.responses) for row in rows]
        replies: dict[int, list[Reply]] = {}
        for batch in batches_by_length([row.length for row in rows], ROW_TOKENS):
            packed = pack([rows[i] for i in batch], self.end_id, read_before=shared)
            before = _for_each_row(beginning, len(batch)) if beginning else None
            values = iter(response_log_probs(self.model, packed, before).tolist())
            for i in batch:
                replies[i] = [Reply(next(values), len(response)) for response in rows[i].responses]
        for i in range(len(rows)):
            yield replies[i]

    def _read(self, tokens: list[int]) -> DynamicCache:
        cache = DynamicCache(config=self.model.config)
        self.model.base_model(torch.tensor([tokens], device=self.model.device), past_key_values=cache, use_cache=True)
        return cache

    @torch.inference_mode()
    def next_token_log_probs(self, conversation: Sequence[Message]) -> torch.Tensor:
        """Return the log-probabilities of the reply's first token, shape (vocabulary,)."""
        ids = torch.tensor([self.prompt_ids(conversation)], device=self.model.device)
        log_probs: torch.Tensor = self.model(input_ids=ids, logits_to_keep=1).logits[0, -1].float().log_softmax(-1)
        return log_probs

    @torch.inference_mode()
    def mean_negative_log_likelihood(self, texts: Sequence[str]) -> Iterator[float]:
        """Yield, per text, the mean negative log-likelihood of its tokens (nats), with no conversation around it."""
        for text in texts:
            ids = self.tokenizer.encode(text, add_special_tokens=False)
            row = Row(ids[:1], [ids[1:]])
            yield -response_log_probs(self.model, pack([row], self.end_id)).item() / (len(ids) - 1)

    @torch.inference_mode()
    def generate(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        batch_size: int | None = None,
    ) -> list[str]:
        """Return one reply per conversation; temperature 0 is greedy.

        Conversations of like length share a batch, by default of 32 on CPU and of 256 on a GPU, where a step costs the
        same for either. Sampling draws from a generator seeded by `seed` alone, so replies repeat for the same order of conversations.
        """
        prompts = [self.prompt_ids(c) for c in conversations]
        batch_size = batch_size or (32 if self.model.device.type == "cpu" else 256)
        texts = [""] * len(prompts)
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        for number, start in enumerate(range(0, len(order), batch_size)):
            batch = order[start : start + batch_size]
            for i, ids in zip(
                batch,
                self._decode([prompts[i] for i in batch], max_new_tokens, temperature, seed + number),
                strict=True,
            ):
                texts[i] = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
        return texts

    def _decode(self, prompts: list[list[int]], max_new_tokens: int, temperature: float, seed: int) -> list[list[int]]:
        width = max(map(len, prompts))
        device = self.model.device
        input_ids = torch.full((len(prompts), width), self.end_id)
        attention = torch.zeros((len(prompts), width), dtype=torch.long)
        for b, prompt in enumerate(prompts):
            input_ids[b, width - len(prompt) :] = torch.tensor(prompt)
            attention[b, width - len(prompt) :] = 1
        sampling: dict[str, Any] = {"do_sample": False}
        if temperature > 0:
            sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            output = self.model.generate(
                input_ids=input_ids.to(device),
                attention_mask=attention.to(device),
                max_new_tokens=max_new_tokens,
                eos_token_id=self.end_id,
                pad_token_id=self.end_id,
                **sampling,
            )
        replies = output[:, width:].tolist()
        return [reply[: reply.index(self.end_id)] if self.end_id in reply else reply for reply in replies]

    def save(self, folder: Path) -> None:
        """Write the model as a safetensors folder that `transformers` loads."""
        self.model.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)


def _for_each_row(cache: DynamicCache, rows: int) -> DynamicCache:
    """Return a cache of `rows` rows that reads, and never writes, the keys and values of a cache of one."""
    return DynamicCache(
        [(layer.keys.expand(rows, -1, -1, -1), layer.values.expand(rows, -1, -1, -1)) for layer in cache.layers]
    )


def device() -> str:
    """Return where models are put: the GPU where there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def chat_ids(tokenizer: PreTrainedTokenizerBase, conversation: Sequence[Message]) -> list[int]:
    """Return the token ids of a conversation under the tokenizer's chat template, ready for the assistant's reply."""
    messages = [message.as_dict() for message in conversation]
    encoded = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
    return list(encoded["input_ids"])


def response_ids(tokenizer: PreTrainedTokenizerBase, response: str) -> list[int]:
    """Return the token ids of an assistant's reply, end token included."""
    return [*tokenizer.encode(response, add_special_tokens=False), end_of_turn(tokenizer)]


def end_of_turn(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the id of the token that ends an assistant's turn."""
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    return end if isinstance(end, int) and end != tokenizer.unk_token_id else int(tokenizer.eos_token_id)


def batches_by_length(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Yield batches of indices of like length, each of at most `tokens` padded tokens (or one row)."""
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) + 1) * lengths[i] > tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def check_model_folder(folder: Path) -> None:
    """Refuse a folder that is no model, or whose weights are pickles.

    Raises:
        FolkmootError: names what is missing.
    """
    if not folder.is_dir():
        raise FolkmootError("there is no model folder", where=str(folder), do="see `folkmoot models list`")
    if not (folder / "config.json").is_file():
        raise FolkmootError("the model folder has no config.json", where=str(folder), do=_WHOLE)
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(p.name for p in folder.iterdir() if p.suffix in {".bin", ".pt", ".pth", ".pkl", ".ckpt"})
        raise FolkmootError(
            "the model folder has no safetensors weights"
            + (f"; {pickled[0]} is a pickle and is not read" if pickled else ""),
            where=str(folder),
            do="save the model with save_pretrained(..., safe_serialization=True)",
        )
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FolkmootError(
                "the index of the model's shards cannot be read", where=str(index), do=_WHOLE
            ) from error
        if missing := sorted(shard for shard in shards if not (folder / shard).is_file()):
            raise FolkmootError(f"the model folder lacks the shard {missing[0]}", where=str(folder), do=_WHOLE)


def matrix_gflops(seconds: float = 0.3) -> float:
    """Return how fast this machine multiplies bfloat16 matrices of the embedded model's shape, in GFLOP/s."""
    tokens, width, inner = 800, 576, 1536
    left = torch.ones(tokens, width, dtype=torch.bfloat16)
    right = torch.ones(width, inner, dtype=torch.bfloat16)
    _ = left @ right
    started, products = time.perf_counter(), 0
    while (spent := time.perf_counter() - started) < seconds:
        _ = left @ right
        products += 1
    return products * 2e-9 * tokens * width * inner / spent


def pin_threads(threads: int | None = None) -> int:
    """Use `threads` CPU threads (default: the cores this process may use) and return the number.

    More threads than cores cost a factor of two to five here, so this is called before every model is loaded.
    """
    count = (
        threads or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else threads or os.cpu_count() or 1
    )
    torch.set_num_threads(count)
    return count
