"""A real chat model under vLLM: SmolLM2-135M-Instruct replies to real prompts by its own chat template."""

from pathlib import Path

from spar.engines.base import LocalModel, Sampling
from spar.method.records import Message
from tests.vllm.conftest import Start

QUESTIONS = (
    "What is the capital of France? Reply in one sentence.",
    "Name three colours.",
    "Write one short sentence about a cat.",
)


async def test_it_replies_by_its_own_template(start: Start, smollm2: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    async with start(max_batch=16) as engine:
        chat = await engine.serve(LocalModel("smollm2", path=smollm2))
        for question in QUESTIONS:
            sampling = Sampling(temperature=0.7, top_p=0.9, max_tokens=64)
            turns = [Message("user", question)]
            replies = await chat.sample(turns, 4, sampling, seed=1)
            print(question, *[reply.text for reply in replies], sep="\n  ")
            conversation = [{"role": "user", "content": question}]
            ids = tokenizer.apply_chat_template(conversation, add_generation_prompt=True, return_dict=False)
            assert {reply.prompt_tokens for reply in replies} == {len(ids)}
            assert all(reply.text.strip() and "<|im_" not in reply.text for reply in replies)
        greedy = Sampling(temperature=0.0, top_p=1.0, max_tokens=32)
        (reply,) = await chat.sample([Message("user", QUESTIONS[0])], 1, greedy, seed=0)
        assert "Paris" in reply.text
        assert reply.finish_reason == "stop"
