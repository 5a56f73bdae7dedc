"""The engines that tests/contract/test_engines.py holds to one contract: add a row to ENGINES and it is held too."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from spar.engines.base import Engine, LocalModel
from spar.recipes.models import EngineSettings
from tests.tiny_model import write_tiny_model


@dataclass(frozen=True)
class Subject:
    """An engine that can serve `model`, and what it must refuse: None where the engine cannot know."""

    engine: Engine
    model: LocalModel
    unusable: LocalModel | None = None
    positions: int | None = None
    """The model's positions: a prompt of that many words must be a DataError."""


@dataclass(frozen=True)
class EngineCase:
    """`start(directory, deadline_s)` gives a Subject; a call of 64 samples of 64 tokens takes it some milliseconds.

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
        yield Subject(engine, model, LocalModel("gone", path=directory / "gone"), positions)
    finally:
        await engine.close()


ENGINES: dict[str, EngineCase] = {
    "transformers": EngineCase(transformers_engine, marks=(pytest.mark.torch,)),
}
