"""The vllm engine over a `vllm` that is no vLLM: starts, crashes, switches, idles, ends. Real processes, real HTTP."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from spar.engines.base import Adjustment, ChatModel, LocalModel, Sampling
from spar.engines.gpu_claims import claim, holders
from spar.engines.gpu_host import GpuHost
from spar.engines.openai_client import OpenAIClient
from spar.engines.openai_replies import model_names
from spar.engines.vllm import VllmEngine, make
from spar.engines.vllm_server.supervisor import ServerHost
from spar.engines.vllm_server.switching import Policy
from spar.errors import EngineError, EngineUnavailable, ModelUnusable, RecipeError
from spar.method.records import Message
from spar.recipes.models import EngineSettings, VllmSettings
from tests.fake_vllm import fake_vllm, starts
from tests.unit.engines.vllm_models import gone, told, until, write_adapter, write_model

SAMPLING = Sampling(temperature=1.0, top_p=1.0, max_tokens=8)
QUICK = Policy(patience_s=0.5, idle_s=60.0, linger_s=0.05, first_back_off_s=0.01)

Start = Callable[..., AbstractAsyncContextManager[VllmEngine]]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def host(tmp_path: Path) -> GpuHost:
    return GpuHost(("GPU-a", "GPU-b"), tmp_path / "locks")


@pytest.fixture
def engine(journal: Path, host: GpuHost) -> Start:
    @asynccontextmanager
    async def start(*options: str, policy: Policy = QUICK, **vllm: object) -> AsyncIterator[VllmEngine]:
        settings = EngineSettings(kind="vllm", deadline_s=30, vllm=VllmSettings.model_validate(vllm))
        engine = VllmEngine(settings, ServerHost(fake_vllm(journal, *options), host), policy)
        try:
            yield engine
        finally:
            await engine.close()

    return start


async def say(chat: ChatModel, text: str = "hello", n: int = 1) -> list[str]:
    return [reply.text for reply in await chat.sample([Message("user", text)], n, SAMPLING, seed=1)]


async def test_a_server_starts_with_the_first_call(engine: Start, journal: Path, host: GpuHost, tmp_path: Path) -> None:
    async with engine(tensor_parallel=2) as vllm:
        chat = await vllm.serve(write_model(tmp_path, "m1"))
        assert not starts(journal)
        assert len(await say(chat, n=5)) == 5
        (start,) = starts(journal)
        assert start["model"] == str(tmp_path / "m1")
        assert start["served_model_name"] == ["spar-m1"]
        assert start["devices"] == "GPU-a,GPU-b"
        assert set(holders(host)) == {"GPU-a", "GPU-b"}
        server = os.pidfd_open(start["pid"])
    assert gone(server, 0)
    assert holders(host) == {}
    os.close(server)


async def test_a_model_is_held_at_its_address(engine: Start, journal: Path, tmp_path: Path) -> None:
    async with engine() as vllm:
        other = await vllm.serve(write_model(tmp_path, "m2"))
        async with vllm.address(write_model(tmp_path, "m1")) as address:
            client = OpenAIClient(address.url, 1, 30.0, 1)
            waiting = asyncio.create_task(say(other))
            await asyncio.sleep(2 * QUICK.patience_s)
            reply = await client.get("models")  # the server still stands, although another model waits
            await client.close()
            assert model_names(reply.data) == [address.name] == ["spar-m1"]
            assert len(starts(journal)) == 1
        assert await waiting
        assert len(starts(journal)) == 2


async def test_an_error_at_an_address_is_the_servers_where_it_has_died(
    engine: Start, journal: Path, tmp_path: Path
) -> None:
    async def fail_with_the_server(vllm: VllmEngine) -> None:
        async with vllm.address(write_model(tmp_path, "m1")):
            os.kill(starts(journal)[0]["pid"], signal.SIGKILL)
            raise EngineError("lm-eval failed.", "Look into its log.")

    async with engine() as vllm:
        with pytest.raises(EngineUnavailable, match="ended with exit code"):
            await fail_with_the_server(vllm)


async def test_an_adapters_positions_are_its_bases(engine: Start, tmp_path: Path) -> None:
    base = write_model(tmp_path, "base")
    async with engine(max_model_len=16) as vllm:
        chat = await vllm.serve(write_adapter(tmp_path, "a1", base.path or ""))
        with capture_logs() as logs:
            [reply] = await chat.sample(
                [Message("user", "hello")], 1, Sampling(temperature=1.0, top_p=1.0, max_tokens=64), seed=1
            )
    assert reply.adjustments == (Adjustment.MAX_TOKENS_LOWERED,)
    assert reply.completion_tokens <= 16 - reply.prompt_tokens
    assert [line["because"] for line in logs if line.get("adjustment")] == ["the server does not take it"]


async def test_nothing_of_a_server_is_left_in_the_temporary_folder(
    engine: Start, journal: Path, tmp_path: Path
) -> None:
    async with engine("--fail", "1") as vllm:
        await say(await vllm.serve(write_model(tmp_path, "m1")))
        failed, serving = (Path(start["left"]) for start in starts(journal))
        assert not failed.parent.exists()
        assert serving.exists()
        os.kill(starts(journal)[1]["pid"], signal.SIGKILL)
        await until(lambda: not serving.parent.exists())
    assert failed.parent != serving.parent


async def test_a_crash_is_survived_by_the_calls_it_hit(engine: Start, journal: Path, tmp_path: Path) -> None:
    async with engine("--slow", "0.2") as vllm:
        chat = await vllm.serve(write_model(tmp_path, "m1"))
        calls = [asyncio.create_task(say(chat, f"hello {i}", n=2)) for i in range(4)]
        await until(lambda: bool(starts(journal)))
        await say(chat)
        os.kill(starts(journal)[0]["pid"], signal.SIGKILL)
        assert [len(texts) for texts in await asyncio.gather(*calls)] == [2, 2, 2, 2]
        assert len(await say(chat)) == 1
        assert len(starts(journal)) == 2


async def test_a_call_that_kills_every_server_is_given_up(engine: Start, journal: Path, tmp_path: Path) -> None:
    async with engine("--slow", "60") as vllm:
        chat = await vllm.serve(write_model(tmp_path, "m1"))
        call = asyncio.create_task(say(chat))
        for number in (1, 2, 3):
            await until(lambda number=number: len(starts(journal)) == number and in_flight(vllm) == 1)  # type: ignore[misc]
            os.kill(starts(journal)[-1]["pid"], signal.SIGKILL)
        with pytest.raises(EngineUnavailable, match=r"exit code 137. Its last lines:\nINFO loading") as caught:
            await call
        assert caught.value.fix


def in_flight(engine: VllmEngine) -> int:
    post = engine._supervisor.gate.post
    return 0 if post is None or not post.server.alive else post.in_flight


async def test_a_failed_start_is_tried_again(engine: Start, journal: Path, tmp_path: Path) -> None:
    async with engine("--fail", "2") as vllm:
        assert await say(await vllm.serve(write_model(tmp_path, "m1")))
        assert len(starts(journal)) == 3


async def test_after_failures_the_last_lines_are_told_and_the_gpu_is_free(
    engine: Start, journal: Path, host: GpuHost, tmp_path: Path
) -> None:
    async with engine("--fail", "3") as vllm:
        chat = await vllm.serve(write_model(tmp_path, "m1"))
        with pytest.raises(EngineUnavailable, match="CUDA out of memory"):
            await asyncio.gather(say(chat), say(chat))
        await until(lambda: holders(host) == {})
        assert await say(chat)  # whoever asks later finds the cause corrected


async def test_a_start_has_a_deadline(engine: Start, journal: Path, tmp_path: Path) -> None:
    async with engine("--never-ready", start_deadline_s=3.0) as vllm:
        chat = await vllm.serve(write_model(tmp_path, "m1"))
        with pytest.raises(EngineUnavailable, match=r"not ready within 3 s(?s:.*)compiling for ever"):
            await say(chat)
        assert len(starts(journal)) == 1
        with pytest.raises(ProcessLookupError):
            os.kill(starts(journal)[0]["pid"], 0)


async def test_weights_change_in_turn_and_never_thrash(engine: Start, journal: Path, tmp_path: Path) -> None:
    async with engine(policy=Policy(patience_s=60, linger_s=2.0)) as vllm:
        one, two = [await vllm.serve(write_model(tmp_path, name)) for name in ("m1", "m2")]
        await say(one)
        other = asyncio.create_task(say(two))
        for _ in range(20):  # a tree's calls, one after the other
            await say(one)
        assert not other.done()
        await other
        assert [start["served_model_name"] for start in starts(journal)] == [["spar-m1"], ["spar-m2"]]


async def test_a_busy_model_makes_room_after_a_while_and_its_calls_end_first(
    engine: Start, journal: Path, tmp_path: Path
) -> None:
    async with engine("--slow", "0.02", policy=Policy(patience_s=0.5, linger_s=0.05)) as vllm:
        one, two = [await vllm.serve(write_model(tmp_path, name)) for name in ("m1", "m2")]
        await say(one)
        busy = [asyncio.create_task(keep_asking(one, lambda: len(starts(journal)) >= 3)) for _ in range(4)]
        assert await say(two)
        await asyncio.gather(*busy)
        names = [start["served_model_name"] for start in starts(journal)]
        assert names == [["spar-m1"], ["spar-m2"], ["spar-m1"]]


async def keep_asking(chat: ChatModel, enough: Callable[[], bool]) -> None:
    while not enough():
        await say(chat)


async def test_adapters_share_a_server(engine: Start, journal: Path, tmp_path: Path) -> None:
    async with engine() as vllm:
        base = write_model(tmp_path, "base")
        models = [write_adapter(tmp_path, name, base.path or "") for name in ("actor", "refiner")]
        chats = [await vllm.serve(model) for model in [*models, base]]
        await asyncio.gather(*(say(chat) for chat in chats))
        (start,) = starts(journal)
        assert start["served_model_name"] == ["spar-base"]
        assert start["max_loras"] == 2
        assert {module.partition("=")[0] for module in start["lora_modules"]} == {"spar-actor", "spar-refiner"}


async def test_an_idle_engine_lets_its_gpu_go_and_starts_again(
    engine: Start, journal: Path, host: GpuHost, tmp_path: Path
) -> None:
    async with engine(policy=Policy(idle_s=0.2)) as vllm:
        chat = await vllm.serve(write_model(tmp_path, "m1"))
        await say(chat)
        await until(lambda: holders(host) == {})
        assert await say(chat)
        assert len(starts(journal)) == 2


async def test_a_trainer_of_the_same_process_need_not_wait_until_it_is_idle_for_long(
    engine: Start, host: GpuHost, tmp_path: Path
) -> None:
    async with engine("--slow", "0.05", tensor_parallel=2) as vllm:
        chat = await vllm.serve(write_model(tmp_path, "m1"))
        call = asyncio.create_task(say(chat))
        await until(lambda: len(holders(host)) == 2)
        async with asyncio.timeout(20), claim(2, "training", host):
            assert call.done()  # it stopped between calls, not in one
            later = asyncio.create_task(say(chat))
            done, _ = await asyncio.wait([later], timeout=1)
            assert not done
        assert await later


async def test_calls_wait_for_a_gpu_that_somebody_else_has(engine: Start, host: GpuHost, tmp_path: Path) -> None:
    async with engine() as vllm:
        chat = await vllm.serve(write_model(tmp_path, "m1"))
        async with claim(2, "training", host):
            call = asyncio.create_task(say(chat))
            done, _ = await asyncio.wait([call], timeout=1)
            assert not done
        assert await call


async def test_closing_ends_what_waits_for_a_gpu(engine: Start, host: GpuHost, tmp_path: Path) -> None:
    async with claim(2, "training", host):
        async with engine() as vllm:
            chat = await vllm.serve(write_model(tmp_path, "m1"))
            call = asyncio.create_task(say(chat))
            await asyncio.wait([call], timeout=0.3)
        with pytest.raises(EngineUnavailable):
            await call


async def test_a_worker_that_closes_finds_no_crash(engine: Start, journal: Path, tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with engine() as vllm:
            await say(await vllm.serve(write_model(tmp_path, "m1")))
            server = os.pidfd_open(starts(journal)[0]["pid"])
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:  # as spar.runtime.loop does
                task.cancel()
            await asyncio.wait(tasks)
    assert gone(server, 0)
    os.close(server)
    assert [entry["event"] for entry in logs][-1] == "vllm_stop"


async def test_cancelled_calls_leave_the_engine_usable(engine: Start, tmp_path: Path) -> None:
    async with engine("--slow", "0.05") as vllm:
        chat = await vllm.serve(write_model(tmp_path, "m1"))
        early = asyncio.create_task(say(chat))
        await asyncio.wait([early], timeout=0.1)
        early.cancel()
        assert await say(chat)
        assert in_flight(vllm) == 0


async def test_models_and_hosts_that_cannot_do_are_refused_when_served(
    engine: Start, journal: Path, tmp_path: Path
) -> None:
    async with engine() as vllm:
        with pytest.raises(ModelUnusable):
            await vllm.serve(LocalModel("x", path=tmp_path / "nowhere"))
    async with engine(tensor_parallel=3) as vllm:
        with pytest.raises(RecipeError, match="this host has 2"):
            await vllm.serve(write_model(tmp_path, "m1"))
    assert not starts(journal)


async def test_a_server_that_somebody_runs_is_asked_as_it_is() -> None:
    engine = make(EngineSettings(kind="vllm", url="http://127.0.0.1:9/v1"))
    assert type(engine).__name__ == "OpenAIEngine"
    await engine.close()


WORKER = """
import asyncio, sys
from pathlib import Path
from spar.engines.base import LocalModel, Sampling
from spar.engines.gpu_host import GpuHost
from spar.engines.openai_client import OpenAIClient
from spar.engines.openai_replies import model_names
from spar.engines.vllm import VllmEngine
from spar.engines.vllm_server.supervisor import ServerHost
from spar.method.records import Message
from spar.recipes.models import EngineSettings

async def main(model, locks, *command):
    place = ServerHost(command, GpuHost(("GPU-a",), Path(locks)))
    engine = VllmEngine(EngineSettings(kind="vllm"), place)
    chat = await engine.serve(LocalModel("m1", path=Path(model)))
    await chat.sample([Message("user", "hello")], 1, Sampling(temperature=1.0, top_p=1.0, max_tokens=8), seed=1)
    print("asked", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_kill_9_of_the_worker_leaves_nothing_behind(journal: Path, host: GpuHost, tmp_path: Path) -> None:
    model = write_model(tmp_path, "m1")
    command = [sys.executable, "-c", WORKER, str(model.path), str(host.locks), *fake_vllm(journal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:  # noqa: ASYNC220 - nothing else runs
        told(worker, "asked")
        server = os.pidfd_open(starts(journal)[0]["pid"])
        worker.kill()
        assert gone(server)
        os.close(server)
    await until(lambda: not Path(starts(journal)[0]["left"]).parent.exists())
    async with asyncio.timeout(20), claim(1, "next", GpuHost(("GPU-a",), host.locks)):
        pass
