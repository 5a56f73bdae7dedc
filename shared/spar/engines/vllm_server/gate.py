"""The calls in flight and the calls that wait: a call enters the server that serves its model, the others queue.

Counts and decides nothing: `switching` decides when a server changes, and the supervisor changes it. One event loop.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from spar.engines.vllm_server.lineup import Servable
from spar.engines.vllm_server.server import VllmServer
from spar.engines.vllm_server.switching import SwitchState


@dataclass(eq=False, slots=True, kw_only=True)
class Post:
    """A running server, and its calls."""

    server: VllmServer
    ready_since: float
    quiet_since: float
    in_flight: int = 0
    draining: bool = False
    proven: bool = False
    """Whether a call has succeeded here."""

    def takes(self, model: Servable) -> bool:
        return self.server.alive and not self.draining and self.server.lineup.serves(model)


@dataclass(eq=False, slots=True)
class _Waiting:
    model: Servable
    since: float
    admitted: asyncio.Future[Post]


class Gate:
    """The queue. `changed` is called whenever the supervisor might have something to decide."""

    def __init__(self, clock: Callable[[], float], changed: Callable[[], None]) -> None:
        self.post: Post | None = None
        self._clock = clock
        self._changed = changed
        self._line: list[_Waiting] = []

    @property
    def next_model(self) -> Servable | None:
        """The model to serve after the present server; None if no call waits for another one."""
        return next((each.model for each in self._strangers()), None)

    async def enter(self, model: Servable) -> Post:
        """Wait for a server of the model, in order of arrival. Every caller that entered must `leave`."""
        if self.post is not None and self.post.takes(model):
            return self._admit(self.post)
        waiting = _Waiting(model, self._clock(), asyncio.get_running_loop().create_future())
        self._line.append(waiting)
        self._changed()
        try:
            return await waiting.admitted
        except asyncio.CancelledError:
            if waiting.admitted.done() and not waiting.admitted.cancelled() and not waiting.admitted.exception():
                self.leave(waiting.admitted.result())  # admitted just as the caller gave up
            raise
        finally:
            if waiting in self._line:
                self._line.remove(waiting)
                self._changed()

    def leave(self, post: Post, *, well: bool = False) -> None:
        post.in_flight -= 1
        post.proven = post.proven or well
        if post.in_flight == 0:
            post.quiet_since = self._clock()
            self._changed()

    def open(self, post: Post) -> None:
        """Admit all calls that wait for a model of this server."""
        self.post = post
        post.draining = False
        for waiting in [each for each in self._line if post.takes(each.model)]:
            self._line.remove(waiting)
            if not waiting.admitted.done():
                waiting.admitted.set_result(self._admit(post))

    def refuse(self, model: Servable | None, error: Exception) -> None:
        """Fail all calls that wait for the model (None: for any)."""
        for waiting in [each for each in self._line if model in (None, each.model)]:
            self._line.remove(waiting)
            if not waiting.admitted.done():
                waiting.admitted.set_exception(error)

    def standing(self, wanted: bool) -> SwitchState:
        """The present state, as `switching.decide` takes it."""
        post, waiting_since = self.post, next((each.since for each in self._strangers()), None)
        if post is None or not post.server.alive:
            return SwitchState(alive=False, waiting_since=waiting_since)
        return SwitchState(
            alive=True,
            draining=post.draining,
            in_flight=post.in_flight,
            ready_since=post.ready_since,
            quiet_since=post.quiet_since,
            waiting_since=waiting_since,
            wanted=wanted,
        )

    def _admit(self, post: Post) -> Post:
        post.in_flight += 1
        return post

    def _strangers(self) -> list[_Waiting]:
        """Calls that the present server cannot serve, in order; those that it can serve wait only while it drains."""
        lineup = self.post.server.lineup if self.post is not None and self.post.server.alive else None
        return [each for each in self._line if lineup is None or not lineup.serves(each.model)]
