"""What a worker process holds: its store, its engines, its event loop, and the attempts it works on.

Tasks get it by `current()`; a process installs it once. Knows nothing of what the tasks do.
"""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from spar.engines.base import ChatModel, Engine
from spar.engines.registry import make_engine
from spar.errors import DeadlineExceeded, ServiceError, SparError
from spar.messages.base import ModelRef, StepMessage
from spar.messages.coordinator import LeasedAttempt, Report, WorkerAlive
from spar.recipes.models import EngineSettings
from spar.runtime.loop import LoopThread
from spar.runtime.models import locate
from spar.runtime.replies import reply
from spar.runtime.supervision import Loop
from spar.runtime.timing import TimedChat, TimedStore, TimePart, timed
from spar.store.base import ObjectStore
from spar.store.models import ModelCache

log = structlog.get_logger()

STOP_S = 60.0
"""For the heartbeat, and for each engine, to end: one that runs a server waits for it."""

EMBEDDED = "embedded"
"""The name of the one worker of a run in one process."""

Announce = Callable[[Report], None]
Reply = Callable[[Report, str], None]
"""A report, and the queue that it goes to."""


class Worker:
    """One per process. Its methods are called from Celery's pool threads, but for `chat`, which runs on the loop."""

    def __init__(  # noqa: PLR0913 - what a process is made of
        self,
        name: str,
        store: ObjectStore,
        cache: ModelCache,
        work_dir: Path,
        announce: Announce,
        heartbeat_s: float,
        reply: Reply = reply,
        hands_back: bool = True,
        ended: Callable[[SparError], None] = lambda _: None,
    ) -> None:
        """`hands_back`: whether attempts cut off by closing are returned to their sender; of no use where the sender
        closes with us.

        `ended` is called with what ends the heartbeat, without which all work here counts as lost.
        """
        self.name = name
        self.store: ObjectStore = TimedStore(store)
        self.cache = cache
        self.work_dir = work_dir
        self.announce = announce
        """Tells the coordinator."""
        self._reply = reply
        self.hands_back = hands_back
        self.loop = LoopThread()
        self.observe: Callable[[ChatModel], ChatModel] = lambda chat: chat
        """Wraps every model before it is called: a pilot records its calls."""
        self._engines: dict[EngineSettings, Engine] = {}
        self._held: set[tuple[str | None, LeasedAttempt]] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._heartbeat_s = heartbeat_s
        self._heart = Loop("spar-heartbeat", self._beat, ended)
        self._heart.start()

    async def chat(self, settings: EngineSettings, model: ModelRef) -> ChatModel:
        """The model, being served. On the loop thread."""
        with timed(TimePart.LOADING):
            local = await asyncio.to_thread(locate, model, self.cache)
            chat = await self.engine(settings).serve(local)
        return TimedChat(self.observe(chat))

    def engine(self, settings: EngineSettings) -> Engine:
        """The one engine of these settings. On the loop thread, so no two calls make the same one."""
        if settings not in self._engines:
            self._engines[settings] = make_engine(settings)
        return self._engines[settings]

    def hold(self, message: StepMessage) -> None:
        with self._lock:
            self._held.add(_attempt_of(message))

    @property
    def at_once(self) -> int:
        """How many attempts are at work."""
        with self._lock:
            return len(self._held)

    def release(self, message: StepMessage) -> None:
        with self._lock:
            self._held.discard(_attempt_of(message))

    def tell(self, to: str | None, report: Report) -> None:
        """Say how a step goes to the queue that its message names; None: to the coordinator."""
        if to is None:
            self.announce(report)
        else:
            self._reply(report, to)

    @property
    def silent_s(self) -> float:
        """How long the most silent of the threads that do the work has shown no sign of life."""
        return max(self.loop.silent_s, self._heart.silent_s - self._heartbeat_s)

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    def close(self) -> None:
        """Cancel the work in flight, close the engines. Each attempt that was in flight is handed back by its task."""
        self._closing.set()
        self._heart.close(STOP_S)
        self.loop.cancel_all()
        for engine in self._engines.values():
            try:
                self.loop.run(engine.close(), STOP_S)
            except DeadlineExceeded as error:
                log.warning("engine_not_closed", error=error.what)
        self.loop.close()

    def _beat(self) -> None:
        if self._heart.closing.wait(self._heartbeat_s):
            return
        by_queue: dict[str | None, list[LeasedAttempt]] = {}
        with self._lock:
            for to, attempt in self._held:
                by_queue.setdefault(to, []).append(attempt)
        for to, held in by_queue.items():
            in_order = tuple(sorted(held, key=lambda attempt: attempt.step_id))
            self.tell(to, WorkerAlive(worker=self.name, held=in_order))


def _attempt_of(message: StepMessage) -> tuple[str | None, LeasedAttempt]:
    """Step ids are the sender's own, so that only with its queue they are different ones."""
    return message.reply_to, LeasedAttempt(step_id=message.step_id, attempt=message.attempt)


_current: list[Worker] = []


def install(worker: Worker | None) -> None:
    """Say which worker this process's tasks use; None when it is closed."""
    _current[:] = [] if worker is None else [worker]


def current() -> Worker:
    if not _current:
        raise ServiceError(
            "A task arrived in a process that has no worker.", "Start it by `python -m services.worker QUEUE`."
        )
    return _current[0]
