"""Claims on GPUs: all or none, in turn, free when the holder is dead. Real processes, GPUs by name only."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spar.engines.gpu_claims import acquire, claim, holders, when_wanted
from spar.engines.gpu_host import GpuHost, refuse_too_small_a_host, this_host
from spar.errors import RecipeError, ServiceError
from tests.unit.engines.vllm_models import gone, told, until

HOLDER = """
import asyncio, sys
from pathlib import Path
from spar.processes.child import start_child
from spar.engines.gpu_claims import claim
from spar.engines.gpu_host import GpuHost

async def main(locks, uuids, count, with_child):
    async with claim(int(count), "other", GpuHost(tuple(uuids.split(",")), Path(locks))) as held:
        child = None
        if with_child == "yes":
            command = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
            child = await start_child(command, log=Path(locks) / "child.log", keep=held.descriptors)
        print("held", *held.uuids, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def host(tmp_path: Path) -> GpuHost:
    return GpuHost(("GPU-a", "GPU-b", "GPU-c"), tmp_path / "locks")


@contextmanager
def another_process(host: GpuHost, count: int, child: str = "no") -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A process that holds GPUs until its standard input closes or it is killed."""
    command = [sys.executable, "-c", HOLDER, str(host.locks), ",".join(host.uuids), str(count), child]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, told(process, "held").split()
        finally:
            process.kill()


async def test_a_claim_names_its_gpus_and_gives_them_back(host: GpuHost) -> None:
    async with claim(2, "training", host) as held:
        assert held.environment() == {"CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b"}
        assert set(holders(host)) == {"GPU-a", "GPU-b"}
        assert holders(host)["GPU-a"].startswith(f"training, process {os.getpid()} on ")
    assert holders(host) == {}


async def test_two_processes_never_share_a_gpu(host: GpuHost) -> None:
    with another_process(host, 2) as (_, theirs):
        assert theirs == ["GPU-a", "GPU-b"]
        async with claim(1, "training", host) as held:
            assert held.uuids == ("GPU-c",)


async def test_all_or_none_and_the_kernel_frees_what_a_killed_process_held(host: GpuHost) -> None:
    with another_process(host, 2) as (process, _):
        waiting = asyncio.create_task(acquire(2, "training", host))
        done, _ = await asyncio.wait([waiting], timeout=1.2)
        assert not done
        assert "GPU-c" not in holders(host)  # a part of the claim is not held meanwhile
        process.kill()
        held = await asyncio.wait_for(waiting, 20)
        assert held.uuids == ("GPU-a", "GPU-b")
        held.release()


async def test_a_gpu_is_free_only_once_the_child_of_a_killed_process_is_gone(host: GpuHost) -> None:
    with another_process(host, 3, child="yes") as (process, _):
        log = host.locks / "child.log"
        await until(lambda: log.exists() and bool(log.read_text().strip()))
        child = os.pidfd_open(int(log.read_text()))
        process.kill()
        held = await asyncio.wait_for(acquire(3, "training", host), 20)
        try:
            assert gone(child, 0), "the GPUs were given to us while its child was alive"
        finally:
            held.release()
            os.close(child)


async def test_a_large_claim_is_not_overtaken_for_ever(host: GpuHost) -> None:
    first = await acquire(1, "engine", host)
    large = asyncio.create_task(acquire(3, "trainer", host))
    await asyncio.sleep(0)
    done, _ = await asyncio.wait([large], timeout=0.1)
    small = asyncio.create_task(acquire(1, "engine", host))
    done, _ = await asyncio.wait([large, small], timeout=1.2)
    assert not done  # two are free, but the large one is next
    first.release()
    held = await asyncio.wait_for(large, 20)
    held.release()
    (await asyncio.wait_for(small, 20)).release()


async def test_a_cancelled_wait_leaves_nothing(host: GpuHost) -> None:
    held = await acquire(3, "engine", host)
    waiting = asyncio.create_task(acquire(1, "trainer", host))
    await asyncio.wait([waiting], timeout=0.1)
    waiting.cancel()
    await asyncio.wait([waiting])
    held.release()
    (await asyncio.wait_for(acquire(3, "engine", host), 5)).release()


async def test_who_waits_asks_this_process_to_let_go(host: GpuHost) -> None:
    held = await acquire(3, "engine", host)
    forget = when_wanted(held.release)
    waiting = asyncio.create_task(acquire(3, "trainer", host))
    await asyncio.wait([waiting], timeout=0.1)
    forget()
    (await asyncio.wait_for(waiting, 20)).release()


def test_too_small_a_host_is_refused_at_once(host: GpuHost) -> None:
    with pytest.raises(RecipeError, match="needs 4 GPUs, and this host has 3"):
        host.require(4, "training")
    GpuHost(host.uuids, host.locks, roles=3).require_roles(1)
    with pytest.raises(RecipeError, match=r"2 GPUs each need 6.* has 3.*deploy/compose/single-gpu.yml"):
        GpuHost(host.uuids, host.locks, roles=3).require_roles(2)


def test_a_worker_does_not_even_start_where_the_roles_are_too_many() -> None:
    refuse_too_small_a_host({})
    refuse_too_small_a_host({"SPAR_GPUS": "", "SPAR_GPU_ROLES": "3"})  # cpu.yml
    refuse_too_small_a_host({"SPAR_GPUS": "GPU-a,GPU-b", "SPAR_GPU_ROLES": "2"})
    with pytest.raises(RecipeError, match="need 3, and this host has 1") as caught:
        refuse_too_small_a_host({"SPAR_GPUS": "GPU-a", "SPAR_GPU_ROLES": "3"})
    assert "single-gpu.yml" in caught.value.fix


async def test_locks_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="cannot be opened") as caught:
        await acquire(1, "engine", GpuHost(("GPU-a",), tmp_path / "file"))
    assert "SPAR_GPU_LOCK_DIR" in caught.value.fix


def test_a_host_is_read_from_the_environment() -> None:
    host = this_host({"SPAR_GPUS": " GPU-a, GPU-b ", "SPAR_GPU_LOCK_DIR": "/locks", "SPAR_GPU_ROLES": "2"})
    assert host == GpuHost(("GPU-a", "GPU-b"), Path("/locks"), 2)
    assert this_host({"SPAR_GPUS": ""}).uuids == ()
    with pytest.raises(ServiceError, match="SPAR_GPU_ROLES is 'many'"):
        this_host({"SPAR_GPUS": "", "SPAR_GPU_ROLES": "many"})
