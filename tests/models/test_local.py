"""The local engine: packed scoring equals plain scoring, and what is refused is refused clearly."""

import dataclasses
import json
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from folkmoot.errors import FolkmootError
from folkmoot.ledger import usable_cores
from folkmoot.models.chat import Message, ask
from folkmoot.models.local import (
    LocalModel,
    Row,
    batches_by_length,
    check_model_folder,
    end_of_turn,
    pack,
    pin_threads,
    response_log_probs,
    shared_beginning,
)

few = settings(max_examples=8, deadline=None)
texts = st.text(max_size=40)
asked = st.lists(st.tuples(texts, st.lists(texts, min_size=1, max_size=4)), min_size=1, max_size=4)

QUESTIONS = [
    "Hi",
    "What is a fox, and where does it sleep?",
    "Name a tree.",
    "Who may vote in a folkmoot, and since when?",
]
CONVERSATIONS = [ask(question) for question in QUESTIONS]


@torch.inference_mode()
def plainly(engine: LocalModel, prompt: Sequence[int], response: Sequence[int]) -> float:
    """Score one response by one forward pass over prompt and response, with nothing beside them."""
    logits = engine.model(input_ids=torch.tensor([[*prompt, *response]])).logits[0].log_softmax(-1)
    return sum(logits[len(prompt) + i - 1, token].item() for i, token in enumerate(response))


@torch.inference_mode()
def scored(engine: LocalModel, rows: Sequence[Row]) -> list[float]:
    return [float(value) for value in response_log_probs(engine.model, pack(rows, engine.end_id))]


# ------------------------------------------------------------------ scoring


@few
@given(asked)
def test_packed_scores_equal_one_plain_forward_pass_each(
    tiny_engine: LocalModel, material: list[tuple[str, list[str]]]
) -> None:
    rows = [tiny_engine.row(ask(prompt), responses) for prompt, responses in material]
    expected = [plainly(tiny_engine, row.prompt, response) for row in rows for response in row.responses]
    assert scored(tiny_engine, rows) == pytest.approx(expected, rel=1e-6, abs=1e-4)


@few
@given(asked)
def test_the_engine_scores_every_response_in_the_order_given(
    tiny_engine: LocalModel, material: list[tuple[str, list[str]]]
) -> None:
    conversations = [ask(prompt, system="Be brief.") for prompt, _ in material]
    replies = list(tiny_engine.log_probs(conversations, [responses for _, responses in material]))
    for conversation, (_, responses), found in zip(conversations, material, replies, strict=True):
        row = tiny_engine.row(conversation, responses)
        assert [reply.tokens for reply in found] == [len(response) for response in row.responses]
        expected = [plainly(tiny_engine, row.prompt, response) for response in row.responses]
        assert [reply.log_prob for reply in found] == pytest.approx(expected, rel=1e-6, abs=1e-4)


@pytest.mark.parametrize("row_tokens", [60, 2048])
def test_a_beginning_that_all_share_is_read_once_and_changes_no_score(
    tiny_engine: LocalModel, monkeypatch: pytest.MonkeyPatch, row_tokens: int
) -> None:
    monkeypatch.setattr("folkmoot.models.local.ROW_TOKENS", row_tokens)
    conversations = [ask(question, system="Tell the truth. " * 20) for question in QUESTIONS]
    rows = [tiny_engine.row(conversation, ["Yes.", "No, never."]) for conversation in conversations]
    assert shared_beginning(rows) >= 20
    read = []
    monkeypatch.setattr(
        LocalModel, "_read", lambda self, tokens, real=LocalModel._read: read.append(len(tokens)) or real(self, tokens)
    )
    found = [
        reply.log_prob
        for replies in tiny_engine.log_probs(conversations, [["Yes.", "No, never."]] * len(rows))
        for reply in replies
    ]
    assert found == pytest.approx(scored(tiny_engine, rows), rel=1e-6, abs=1e-4)
    assert read == [shared_beginning(rows)]


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [
        ([], 0),
        (["a" * 40], 0),
        (["a" * 40, "a" * 40], 39),
        (["a" * 40 + "b", "a" * 40 + "c"], 40),
        (["a" * 40 + "bd", "a" * 40 + "cd", "a" * 20 + "d"], 20),
        (["a" * 15 + "b", "a" * 15 + "c"], 0),
        (["a" * 40, "b" * 40], 0),
    ],
)
def test_a_shared_beginning_is_what_all_prompts_begin_with(prompts: list[str], shared: int) -> None:
    assert shared_beginning([Row([ord(c) for c in prompt], [[1]]) for prompt in prompts]) == shared


def test_rows_of_several_batches_keep_their_order(tiny_engine: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    responses = [["Yes.", "No, never."]] * len(CONVERSATIONS)
    together = list(tiny_engine.log_probs(CONVERSATIONS, responses))
    monkeypatch.setattr("folkmoot.models.local.ROW_TOKENS", 60)
    apart = list(tiny_engine.log_probs(CONVERSATIONS, responses))
    for one, other in zip(together, apart, strict=True):
        assert [r.log_prob for r in one] == pytest.approx([r.log_prob for r in other], abs=1e-4)


def test_no_response_sees_another(tiny_engine: LocalModel) -> None:
    prompt = tiny_engine.prompt_ids(ask("What is a fox?"))
    response, one, other = ([*range(start, start + 8)] for start in (100, 200, 300))
    alone = scored(tiny_engine, [Row(prompt, [response])])[0]
    for responses in ([response, one], [one, response], [other, one, response]):
        place = responses.index(response)
        assert scored(tiny_engine, [Row(prompt, responses)])[place] == pytest.approx(alone, abs=1e-4)
    # what a response would lose if it saw its neighbour is far above that tolerance
    packed = pack([Row(prompt, [one, response])], tiny_engine.end_id)
    seeing = dataclasses.replace(packed, mask=torch.ones_like(packed.mask).tril())
    with torch.inference_mode():
        assert abs(float(response_log_probs(tiny_engine.model, seeing)[1]) - alone) > 0.1


sizes = st.lists(st.tuples(st.integers(1, 5), st.lists(st.integers(1, 4), max_size=3)), min_size=1, max_size=3)


@given(sizes)
def test_a_token_sees_its_prompt_and_its_own_response_up_to_itself(shape: list[tuple[int, list[int]]]) -> None:
    rows = [Row([1] * prompt, [[2] * n for n in responses]) for prompt, responses in shape if responses]
    if not rows:
        return
    packed = pack(rows, pad=9)
    for b, row in enumerate(rows):
        owner = [0] * len(row.prompt) + [s for s, r in enumerate(row.responses, start=1) for _ in r]
        for i, mine in enumerate(owner):
            sees = set(packed.mask[b, 0, i].nonzero()[:, 0].tolist())
            assert sees == {j for j in range(i + 1) if owner[j] in {0, mine}}
        positions = packed.position_ids[b, : row.length].tolist()
        assert positions == [
            *range(len(row.prompt)),
            *(len(row.prompt) + i for response in row.responses for i in range(len(response))),
        ]
        assert packed.input_ids[b, row.length :].eq(9).all()
    assert packed.n_responses == sum(len(row.responses) for row in rows)


def test_scores_can_be_trained_on_and_padding_gives_no_gradient(tiny_engine: LocalModel) -> None:
    rows = [tiny_engine.row(ask("Hi"), ["Yes."]), tiny_engine.row(ask("A longer question, please?"), ["No."])]
    embedding = tiny_engine.model.get_input_embeddings()
    seen: list[torch.Tensor] = []
    hook = embedding.register_forward_hook(lambda _module, _inputs, output: seen.append(output) or output.retain_grad())
    try:
        response_log_probs(tiny_engine.model, pack(rows, tiny_engine.end_id)).sum().backward()
    finally:
        hook.remove()
        tiny_engine.model.zero_grad()
    gradient = seen[0].grad
    assert gradient is not None
    assert gradient[0, : rows[0].length - 1].abs().sum(-1).gt(0).all()
    assert gradient[0, rows[0].length :].eq(0).all()


def test_the_likelihood_of_a_text_is_the_mean_over_its_tokens(tiny_engine: LocalModel) -> None:
    text = "A folkmoot was the assembly of a shire."
    ids = tiny_engine.tokenizer.encode(text)
    expected = -plainly(tiny_engine, ids[:1], ids[1:]) / (len(ids) - 1)
    assert list(tiny_engine.mean_negative_log_likelihood([text, text])) == pytest.approx([expected] * 2, abs=1e-5)


def test_the_first_tokens_probabilities_are_those_of_a_plain_pass(tiny_engine: LocalModel) -> None:
    conversation = ask("A or B?")
    found = tiny_engine.next_token_log_probs(conversation)
    assert float(found.exp().sum()) == pytest.approx(1, abs=1e-4)
    prompt = tiny_engine.prompt_ids(conversation)
    for token in (0, 17, int(found.argmax())):
        assert float(found[token]) == pytest.approx(plainly(tiny_engine, prompt, [token]), abs=1e-4)


def test_every_turn_of_a_conversation_is_read(tiny_engine: LocalModel) -> None:
    talk = [*ask("Hi"), Message("assistant", "Hello."), Message("user", "Who are you?")]
    text = tiny_engine.tokenizer.decode(tiny_engine.prompt_ids(talk))
    assert [text.index(turn.content) for turn in talk] == sorted(text.index(turn.content) for turn in talk)
    assert text.endswith("assistant\n")


@given(st.lists(st.integers(1, 50)), st.integers(1, 120))
def test_batches_hold_every_row_once_and_stay_within_their_tokens(lengths: list[int], tokens: int) -> None:
    batches = list(batches_by_length(lengths, tokens))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= tokens


# ------------------------------------------------------------------ generating


def test_the_likeliest_reply_does_not_depend_on_batch_or_order(tiny_engine: LocalModel) -> None:
    together = tiny_engine.generate(CONVERSATIONS, max_new_tokens=6)
    assert len(set(together)) == len(CONVERSATIONS)
    assert tiny_engine.generate(CONVERSATIONS, max_new_tokens=6, batch_size=1) == together
    order = random.Random(0).sample(range(len(CONVERSATIONS)), len(CONVERSATIONS))
    mixed = tiny_engine.generate([CONVERSATIONS[i] for i in order], max_new_tokens=6, batch_size=3)
    assert mixed == [together[i] for i in order]


def test_the_likeliest_reply_begins_with_the_likeliest_token(tiny_engine: LocalModel) -> None:
    for conversation in CONVERSATIONS:
        first = int(tiny_engine.next_token_log_probs(conversation).argmax())
        reply = tiny_engine.generate([conversation], max_new_tokens=1)[0]
        assert reply == tiny_engine.tokenizer.decode([first], skip_special_tokens=True).strip()


def test_a_sampled_reply_repeats_by_its_seed_alone(tiny_engine: LocalModel) -> None:
    def sampled(seed: int) -> list[str]:
        return tiny_engine.generate(CONVERSATIONS, max_new_tokens=6, temperature=1.0, seed=seed)

    torch.manual_seed(1)
    first = sampled(5)
    torch.manual_seed(2)
    assert sampled(5) == first
    assert sampled(6) != first


def test_sampling_leaves_the_global_generator_alone(tiny_engine: LocalModel) -> None:
    before = torch.random.get_rng_state()
    tiny_engine.generate(CONVERSATIONS[:1], max_new_tokens=2, temperature=1.0, seed=3)
    assert torch.random.get_rng_state().equal(before)


def test_a_reply_ends_before_its_end_token(tiny_engine: LocalModel) -> None:
    def end_now(_module: torch.nn.Module, _inputs: object, logits: torch.Tensor) -> torch.Tensor:
        return logits.index_fill(-1, torch.tensor([tiny_engine.end_id]), 1e4)

    hook = tiny_engine.model.get_output_embeddings().register_forward_hook(end_now)
    try:
        assert tiny_engine.generate(CONVERSATIONS, max_new_tokens=6) == [""] * len(CONVERSATIONS)
    finally:
        hook.remove()


@pytest.mark.parametrize("unknown", ["<unk>", None])
def test_a_turn_ends_with_the_end_of_text_where_no_token_ends_turns(unknown: str | None) -> None:
    words = Tokenizer(WordLevel({"a": 0, "</s>": 1, "<unk>": 2}, unk_token="<unk>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", unk_token=unknown)
    assert end_of_turn(tokenizer) == 1


def test_a_turn_ends_with_its_own_token_where_there_is_one(tiny_engine: LocalModel) -> None:
    assert tiny_engine.tokenizer.decode([tiny_engine.end_id]) == "<|im_end|>"
    assert tiny_engine.row(ask("Hi"), ["Yes."]).responses[0][-1] == tiny_engine.end_id


# ------------------------------------------------------------------ loading and saving


def test_a_saved_model_scores_as_before(tiny_engine: LocalModel, tmp_path: Path) -> None:
    tiny_engine.save(tmp_path / "saved")
    again = LocalModel.load(tmp_path / "saved", dtype=torch.float32)
    assert again.name == "saved"
    assert list(again.log_probs(CONVERSATIONS, [["Yes."]] * 4)) == list(
        tiny_engine.log_probs(CONVERSATIONS, [["Yes."]] * 4)
    )
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "saved").config.num_hidden_layers == 2


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A model folder of one's own to break."""
    shutil.copytree(tiny_model, tmp_path / "model")
    return tmp_path / "model"


def refused(folder: Path) -> FolkmootError:
    with pytest.raises(FolkmootError) as error:
        LocalModel.load(folder)
    assert str(folder) in error.value.where
    return error.value


def split(folder: Path) -> list[str]:
    """Split the weights into two shards with an index, and return their names."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    place = {key: shards[number % 2] for number, key in enumerate(sorted(weights))}
    for shard in shards:
        save_file({k: v for k, v in weights.items() if place[k] == shard}, folder / shard, metadata={"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": place}))
    return shards


def test_a_folder_that_is_not_there_is_no_model(tmp_path: Path) -> None:
    error = refused(tmp_path / "nowhere")
    assert error.what == "there is no model folder"
    assert "folkmoot models list" in error.do


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file").what == "there is no model folder"


def test_a_folder_without_config_is_no_model(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert refused(folder).what == "the model folder has no config.json"


def test_a_folder_without_weights_is_no_model(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    error = refused(folder)
    assert error.what == "the model folder has no safetensors weights"
    assert "safe_serialization=True" in error.do


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "model.pkl", "model.ckpt"])
def test_pickled_weights_are_named_and_not_read(folder: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(b"not read")
    assert refused(folder).what == f"the model folder has no safetensors weights; {name} is a pickle and is not read"


def test_shards_are_loaded_and_a_missing_one_is_named(folder: Path, tiny_engine: LocalModel) -> None:
    shards = split(folder)
    whole = LocalModel.load(folder, dtype=torch.float32)
    assert list(whole.log_probs(CONVERSATIONS[:1], [["Yes."]])) == list(
        tiny_engine.log_probs(CONVERSATIONS[:1], [["Yes."]])
    )
    (folder / shards[1]).unlink()
    assert refused(folder).what == f"the model folder lacks the shard {shards[1]}"


@pytest.mark.parametrize(
    "config",
    [
        "{",
        '{"model_type": "nothing-known"}',
        "{}",
        "[]",
    ],
)
def test_a_config_that_says_nothing_known_is_refused(folder: Path, config: str) -> None:
    (folder / "config.json").write_text(config)
    error = refused(folder)
    assert error.what.startswith("the model cannot be loaded: ")
    assert "model.safetensors" in error.do


def test_a_model_without_tokenizer_is_refused(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()
    assert refused(folder).what.startswith("the model cannot be loaded: ")


@pytest.mark.parametrize("index", ["{", "{}", "[]"])
def test_a_torn_index_of_shards_is_refused(folder: Path, index: str) -> None:
    split(folder)
    (folder / "model.safetensors.index.json").write_text(index)
    refused(folder)


def test_weights_cut_short_are_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    refused(folder)


def test_weights_that_lack_a_tensor_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.down_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    refused(folder)


@pytest.mark.parametrize(
    "lacking",
    [
        "model.safetensors",
        *(name for name in ("config.json", "model-00002-of-00002.safetensors")),
    ],
)
def test_every_refusal_of_a_folder_says_what_to_do(folder: Path, lacking: str) -> None:
    if "-of-" in lacking:
        split(folder)
    (folder / lacking).unlink()
    with pytest.raises(FolkmootError) as error:
        check_model_folder(folder)
    assert error.value.do


@pytest.mark.gpu
def test_the_engine_scores_on_a_gpu(tiny_model: Path, tiny_engine: LocalModel) -> None:
    engine = LocalModel.load(tiny_model, dtype=torch.float32)
    assert engine.model.device.type == "cuda"
    (found,), (expected,) = (list(e.log_probs([ask("Hi")], [["Yes."]])) for e in (engine, tiny_engine))
    assert found[0].log_prob == pytest.approx(expected[0].log_prob, rel=1e-3)


# ------------------------------------------------------------------ threads


@pytest.fixture
def threads() -> Iterator[int]:
    """The threads torch uses, restored afterwards."""
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_threads_are_pinned_to_the_number_asked_for_or_the_cores_there_are() -> None:
    assert pin_threads(1) == torch.get_num_threads() == 1
    assert pin_threads() == torch.get_num_threads() == usable_cores()
    assert pin_threads(2) == torch.get_num_threads() == 2
