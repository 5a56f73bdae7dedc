"""The supervised engine over real vLLM: weights change, the server crashes, adapters share it, nothing is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from spar.engines.base import ChatModel, LocalModel, Sampling
from spar.engines.transformers import make as make_transformers
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from tests.tiny_model import write_tiny_model
from tests.unit.engines.vllm_models import gone, told
from tests.vllm.conftest import Start
from tests.vllm.processes import descendants, server_of

GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=16)
WARM = Sampling(temperature=1.0, top_p=0.9, max_tokens=16)
PROMPTS = ("w1 w2 w3", "w9 w8", "w20 w21 w22 w23")


def tiny(folder: Path, name: str, seed: int) -> LocalModel:
    """Heads of size 32, the smallest that vLLM takes on a CPU."""
    model = write_tiny_model(folder / name, seed=seed, hidden=64)
    return LocalModel(name, path=model.path)


async def greedy(chat: ChatModel) -> list[str]:
    return [(await chat.sample([Message("user", prompt)], 1, GREEDY, seed=0))[0].text.strip() for prompt in PROMPTS]


async def replies_of_transformers(model: LocalModel) -> list[str]:
    engine = make_transformers(EngineSettings(dtype="float32"))
    try:
        return await greedy(await engine.serve(model))
    finally:
        await engine.close()


async def test_a_switch_of_weights_and_a_crash(start: Start, tmp_path: Path) -> None:
    models = [tiny(tmp_path, "m1", 1), tiny(tmp_path, "m2", 2)]
    expected = [await replies_of_transformers(model) for model in models]
    assert expected[0] != expected[1]
    async with start() as engine:
        one, two = [await engine.serve(model) for model in models]
        assert await greedy(one) == expected[0]
        samples = await one.sample([Message("user", "w1")], 8, WARM, seed=5)
        assert len({reply.text for reply in samples}) > 1
        assert all(reply.prompt_tokens == samples[0].prompt_tokens > 1 for reply in samples)
        assert await greedy(two) == expected[1]
        os.kill(server_of(os.getpid()), signal.SIGKILL)
        assert await greedy(two) == expected[1]
        last = [os.pidfd_open(pid) for pid in descendants(os.getpid())]
        assert len(last) >= 3  # the guard, the front end, the engine core
    assert all(gone(pidfd) for pidfd in last)


WORKER = """
import asyncio, sys
from pathlib import Path
from spar.engines.base import LocalModel, Sampling
from spar.engines.vllm import VllmEngine
from spar.method.records import Message
from spar.recipes.models import EngineSettings, VllmSettings

async def main(model):
    vllm = VllmSettings(device="cpu", extra_args=("--enforce-eager",))
    engine = VllmEngine(EngineSettings(kind="vllm", max_batch=8, vllm=vllm))
    chat = await engine.serve(LocalModel("m", path=Path(model)))
    await chat.sample([Message("user", "w1")], 1, Sampling(temperature=1.0, top_p=1.0, max_tokens=4), seed=1)
    print("asked", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1]))
"""


def test_kill_9_of_the_worker_leaves_no_process(tmp_path: Path) -> None:
    model = tiny(tmp_path, "m", 1)
    with subprocess.Popen([sys.executable, "-c", WORKER, str(model.path)], stdout=subprocess.PIPE, text=True) as worker:
        told(worker, "asked")
        children = [os.pidfd_open(pid) for pid in descendants(worker.pid)]
        assert len(children) >= 3
        worker.kill()
        assert all(gone(pidfd) for pidfd in children)


async def test_a_base_and_two_adapters_share_a_server(start: Start, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = tiny(tmp_path, "base", 1)
    models, expected = [base], [await replies_of_transformers(base)]
    for number, name in enumerate(("actor", "refiner")):
        torch.manual_seed(number)
        network = AutoModelForCausalLM.from_pretrained(base.path, dtype=torch.float32)
        config = LoraConfig(r=4, lora_alpha=64, init_lora_weights=False, target_modules=["q_proj", "v_proj", "o_proj"])
        get_peft_model(network, config).save_pretrained(tmp_path / name)
        models.append(LocalModel(name, path=tmp_path / name))
        expected.append(await replies_of_transformers(models[-1]))
    assert len({str(texts) for texts in expected}) == 3
    async with start() as engine:
        chats = [await engine.serve(model) for model in models]
        assert [await greedy(chat) for chat in chats] == expected
        server = server_of(os.getpid())
        assert await greedy(chats[0]) == expected[0]
        assert server_of(os.getpid()) == server
