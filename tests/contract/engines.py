"""The engines under the contract of tests/contract/test_engines.py: to include another, add a row to ENGINES."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from spar.engines import openai
from spar.engines.base import Engine, LocalModel
from spar.engines.vllm import VllmEngine
from spar.engines.vllm_server.supervisor import ServerHost
from spar.recipes.models import EngineSettings, VllmSettings
from spar.testing.batching import CostModel
from spar.testing.behaviour import SimulatedBehaviour
from spar.testing.engine import CONTEXT, SimulatedEngine
from spar.testing.server import ServerOptions, running_server
from tests.fake_vllm import fake_vllm
from tests.tiny_model import write_tiny_model
from tests.unit.engines.vllm_models import write_model


@dataclass(frozen=True)
class Subject:
    """An engine that can serve `model`, and what it must reject: None where the engine cannot know."""

    engine: Engine
    model: LocalModel
    unusable: LocalModel | None = None
    positions: int | None = None
    """The model's positions: a prompt of that many words must be ConversationTooLong."""
    lowers: bool = False
    """Whether replies that exceed the positions are cut off there, and counted."""


@dataclass(frozen=True)
class EngineCase:
    """`start(directory, deadline_s)` returns a Subject, which takes milliseconds for a call of 64 samples of 64 tokens.

    `repeats`: the same call with the same seed gives the same text, and sample i is the one of seed + i.
    """

    start: Callable[[Path, float], AbstractAsyncContextManager[Subject]]
    repeats: bool = True
    marks: tuple[pytest.MarkDecorator, ...] = ()


@asynccontextmanager
async def transformers_engine(directory: Path, deadline_s: float) -> AsyncIterator[Subject]:
    from spar.engines.transformers import make

    positions = 96
    model = write_tiny_model(directory / "model", positions=positions)
    engine = make(EngineSettings(dtype="float64", max_batch=16, deadline_s=deadline_s))
    try:
        yield Subject(engine, model, LocalModel("gone", path=directory / "gone"), positions, lowers=True)
    finally:
        await engine.close()


@asynccontextmanager
async def simulated_engine(directory: Path, deadline_s: float) -> AsyncIterator[Subject]:
    # Its cut-off replies end early on purpose: the contract is about real limits.
    behaviour = SimulatedBehaviour(cut_off=0.0)
    engine = SimulatedEngine(EngineSettings(latency=0.005, deadline_s=deadline_s), behaviour)
    try:
        absent = LocalModel("gone", path=directory / "gone")
        yield Subject(engine, LocalModel("simulated", name="simulated"), absent, CONTEXT)
    finally:
        await engine.close()


@asynccontextmanager
async def openai_engine(directory: Path, deadline_s: float) -> AsyncIterator[Subject]:
    costs = CostModel(step_base=0.0005, step_per_sequence=0.0)
    async with running_server(ServerOptions(costs=costs, behaviour=SimulatedBehaviour(cut_off=0.0))) as url:
        engine = openai.make(EngineSettings(kind="openai", url=url, deadline_s=deadline_s))
        try:
            model = LocalModel("simulated", name="simulated")
            yield Subject(engine, model, LocalModel("gone", name="gone"), CONTEXT)
        finally:
            await engine.close()


@asynccontextmanager
async def vllm_engine(directory: Path, deadline_s: float) -> AsyncIterator[Subject]:
    """The engine's own work over a server without a model; the real one: tests/vllm."""
    positions = 96
    vllm = VllmSettings(device="cpu", max_model_len=positions)
    settings = EngineSettings(kind="vllm", deadline_s=deadline_s, vllm=vllm)
    engine = VllmEngine(settings, ServerHost(fake_vllm()))
    folder = directory / f"{deadline_s}"
    folder.mkdir()
    try:
        absent = LocalModel("gone", path=directory / "gone")
        yield Subject(engine, write_model(folder, "m"), absent, positions, lowers=True)
    finally:
        await engine.close()


ENGINES: dict[str, EngineCase] = {
    "transformers": EngineCase(transformers_engine, marks=(pytest.mark.torch,)),
    "simulated": EngineCase(simulated_engine),
    "openai": EngineCase(openai_engine),
    "vllm": EngineCase(vllm_engine),
}
