"""The in-process engine's own promises: what it refuses to load, how many models it keeps, text that round-trips."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.importorskip("torch")

from spar.engines.base import Adjustment, LocalModel, Sampling
from spar.engines.transformers import KEPT_MODELS, ServedModel, TransformersEngine
from spar.errors import EngineUnavailable, ModelUnusable, TemplateRefused
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from tests.tiny_model import write_tiny_model

pytestmark = pytest.mark.torch
WARM = Sampling(temperature=1.0, top_p=1.0, max_tokens=10)


@pytest.fixture
async def engine() -> AsyncIterator[TransformersEngine]:
    engine = TransformersEngine(EngineSettings(dtype="float64", max_batch=8))
    yield engine
    await engine.close()


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("config.json", "config.json"),
        ("model.safetensors", "weights"),
        ("tokenizer.json", "cannot be loaded"),
        ("chat_template.jinja", "chat template"),
    ],
)
async def test_a_directory_without_a_part_is_refused(
    engine: TransformersEngine, tmp_path: Path, missing: str, said: str
) -> None:
    model = write_tiny_model(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(ModelUnusable, match=said) as raised:
        await engine.serve(model)
    assert raised.value.fix
    write_tiny_model(tmp_path)
    assert await (await engine.serve(model)).sample([Message("user", "w1")], 1, WARM, 0)


async def test_broken_weights_and_mere_names_are_refused(engine: TransformersEngine, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelUnusable, match="is broken: its header cannot be read"):
        await engine.serve(model)
    with pytest.raises(ModelUnusable, match="only a name"):
        await engine.serve(LocalModel("x", name="gpt"))


async def test_the_last_few_models_are_kept_and_the_others_let_go(engine: TransformersEngine, tmp_path: Path) -> None:
    models = [write_tiny_model(tmp_path / str(seed), seed=seed) for seed in range(KEPT_MODELS + 1)]
    chats = [await engine.serve(model) for model in models]
    assert await engine.serve(models[1]) is chats[1]
    first = chats[0]
    assert isinstance(first, ServedModel)
    replies = await asyncio.gather(*(chat.sample([Message("user", "w1 w2")], 2, WARM, 5) for chat in chats))
    assert len({replies[i][0].text for i in range(len(replies))}) > 1
    network = weakref.ref(first.tokens)
    del first, chats
    for _ in range(100):  # the compute thread lets go of a batch when it next looks for work
        await (await engine.serve(models[1])).sample([Message("user", "w1")], 1, WARM, 0)
        gc.collect()
        if network() is None:
            return
    pytest.fail("the model pushed out is still in memory")


async def test_text_round_trips_through_a_word_level_tokenizer(engine: TransformersEngine, tmp_path: Path) -> None:
    chat = await engine.serve(write_tiny_model(tmp_path))
    assert isinstance(chat, ServedModel)
    ids = chat.tokens.encode([Message("user", "w1 w2 w3")])
    assert chat.tokens.decode(ids) == "w1 w2 w3"
    assert chat.tokens.encode([Message("user", "w1 w2 w3")]) is ids


async def test_replies_stop_at_the_models_last_position(engine: TransformersEngine, tmp_path: Path) -> None:
    chat = await engine.serve(write_tiny_model(tmp_path, positions=20))
    replies = await chat.sample(
        [Message("user", " ".join(["w3"] * 12))], 20, Sampling(temperature=1.0, top_p=1.0, max_tokens=50), 0
    )
    prompt = replies[0].prompt_tokens
    assert max(reply.completion_tokens for reply in replies) == 20 - prompt
    assert all(reply.completion_tokens == 20 - prompt for reply in replies if reply.finish_reason == "length")
    assert {reply.adjustments for reply in replies} == {(Adjustment.MAX_TOKENS_LOWERED,)}
    (whole,) = await chat.sample([Message("user", "w3")], 1, Sampling(temperature=1.0, top_p=1.0, max_tokens=5), 0)
    assert whole.adjustments == ()


async def test_closing_before_the_first_call_ends_at_once(tmp_path: Path) -> None:
    engine = TransformersEngine(EngineSettings())
    await engine.close()
    with pytest.raises(EngineUnavailable):
        await engine.serve(LocalModel("x", path=tmp_path))


async def test_models_that_are_asked_for_at_once_are_all_loaded(engine: TransformersEngine, tmp_path: Path) -> None:
    models = [write_tiny_model(tmp_path / str(seed), seed=seed) for seed in range(4)]
    served = await asyncio.gather(*(engine.serve(model) for model in models))
    replies = await asyncio.gather(*(chat.sample([Message("user", "hi")], 1, WARM, 1) for chat in served))
    assert len(replies) == 4


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ raise_exception('System role not supported') }}", "System role not supported"),
        ("{{ messages[0]['content'] + 1 }}", "can only concatenate str"),
        ("{{ messages[0].content.missing.word }}", "missing"),
    ],
)
async def test_a_template_that_refuses_a_conversation_is_a_typed_error(
    engine: TransformersEngine, tmp_path: Path, template: str, reason: str
) -> None:
    model = write_tiny_model(tmp_path)
    (tmp_path / "chat_template.jinja").write_text(template)
    chat = await engine.serve(model)
    with pytest.raises(TemplateRefused, match=reason) as raised:
        await chat.sample([Message("system", "w1"), Message("user", "w2")], 1, WARM, 0)
    assert raised.value.fix
