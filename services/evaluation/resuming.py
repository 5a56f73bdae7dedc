"""A benchmark's replies on this host's disk while its step is at work, so that the next attempt goes on from them.

Lies below the worker's folder, named by the step's fingerprint, and is removed once the result is computed: from then
on the result is what counts. Knows no benchmark.
"""

import asyncio
import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from spar.engines.base import ChatModel
from spar.evaluation.call_book import open_call_book
from spar.evaluation.remembering import RememberingModel
from spar.messages.base import EngineIdentity, ModelRef
from spar.recipes.models import EngineSettings
from spar.runtime.worker import Worker

FOLDER = "benchmarks"


class Resuming:
    """Models that remember, for one step; open it by `with`. Raises ConflictError while another attempt is at it."""

    def __init__(self, worker: Worker, fingerprint: str) -> None:
        self._worker = worker
        self._folder: Path = worker.work_dir / FOLDER / fingerprint
        self._models: dict[str, RememberingModel] = {}
        self._books = ExitStack()

    def __enter__(self) -> "Resuming":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._books.close()

    def model(self, engine: EngineSettings, model: ModelRef) -> ChatModel:
        """One for every role that the model plays, since a book has one writer."""
        if model.fingerprint not in self._models:
            identity = {"model": model.fingerprint, **EngineIdentity.of(engine).model_dump()}
            book = self._books.enter_context(open_call_book(self._folder, identity))
            self._models[model.fingerprint] = RememberingModel(book, lambda: self._worker.chat(engine, model))
        return self._models[model.fingerprint]

    async def forget(self) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder)
