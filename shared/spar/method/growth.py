"""Grows one level of a search tree: refines the given parents, judges every child, all at once.

A level keeps its places in the order of generation, whatever the order in which replies arrive. It knows nothing of the
levels above and below; `tree_search` decides what is expanded next.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

from spar.errors import AccountingError
from spar.method.policies import SearchPolicy
from spar.method.records import (
    Judgment,
    JudgmentFailure,
    Node,
    Path,
    PrunedPlace,
    Refinement,
    ReplyFailure,
)
from spar.method.voting import never_drawn


class RefineNode(Protocol):
    """Draws `n` sibling refinements of a node, exactly n, failed ones included; attempt > 0 redraws failed ones.

    `spar.method.voting.critique_to_refine` selects the critique to start from.
    """

    def __call__(self, parent: Node, n: int, attempt: int, /) -> Awaitable[Sequence[Refinement]]: ...


class JudgeNode(Protocol):
    """Judges a refined text, including quorum and rounds. The path is the first place of the text.

    A search requests one judgment per text, whatever its places: the result must depend on the text alone.
    """

    def __call__(self, text: str, path: Path, /) -> Awaitable[Judgment]: ...


@dataclass(slots=True)
class OpenSlot:
    """Where a child can grow: it ends with a node, or pruned for a counted reason."""

    parent: Node
    index: int
    replies: list[Refinement] = field(default_factory=list)
    judgment: Judgment | None = None
    node: Node | None = None
    pruned: PrunedPlace | None = None

    @property
    def path(self) -> Path:
        return (*self.parent.path, self.index)

    @property
    def finished(self) -> bool:
        return self.node is not None or self.pruned is not None

    def keep(self, text: str, judgment: Judgment) -> None:
        """End with a node: the text of the last reply, and its judgment."""
        last = self.replies[-1]
        self.node = Node(
            path=self.path,
            text=text,
            judgment=judgment,
            reply=last.reply,
            finish_reason=last.finish_reason,
            failed=tuple(self.replies[:-1]),
        )

    def prune(self, reason: ReplyFailure | JudgmentFailure, judgment: Judgment | None = None) -> None:
        self.pruned = PrunedPlace(self.path, reason, tuple(self.replies), judgment)


class Level:
    """The children of some parents while they grow, at most `room` of them. Use once: `await Level(...).grow()`."""

    def __init__(
        self,
        parents: Sequence[Node],
        refine: RefineNode,
        judge: JudgeNode,
        policy: SearchPolicy,
        room: int | None = None,
    ) -> None:
        self._refine, self._judge, self._policy = refine, judge, policy
        self._places = [OpenSlot(parent, i) for parent in parents for i in range(policy.branch)][:room]
        self._families = [list(family) for _, family in groupby(self._places, key=lambda place: place.parent.path)]
        # No V is above a gate of 1, so nothing is decided early there.
        self._may_stop = policy.stop_when_decided and policy.gate < 1
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    async def grow(self) -> Sequence[OpenSlot]:
        """The level's places in the order of generation, up to the one that decided it.

        The first exception of `refine` or `judge` cancels everything else of the level and is raised as it is.
        """
        try:
            async with self._group:
                for family in self._families:
                    self._start(self._expand(family))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        settled = self._settled()
        if settled is None:  # a task group forgets a call that someone else cancelled; we must not
            raise asyncio.CancelledError("A refine or judge call of the search was cancelled.")
        return self._places[:settled]

    async def _expand(self, family: Sequence[OpenSlot]) -> None:
        waiting = family
        for attempt in range(self._policy.retries + 1):
            replies = await self._refine(family[0].parent, len(waiting), attempt)
            if self._settled() is not None:
                return
            waiting = self._take(waiting, replies)
            if not waiting:
                return
            if all(reply.failure and reply.failure.permanent for reply in replies):
                break
        for place in waiting:
            place.prune(place.replies[-1].failure or ReplyFailure.UNPARSABLE)
        self._stop_if_settled()

    def _take(self, places: Sequence[OpenSlot], replies: Sequence[Refinement]) -> list[OpenSlot]:
        """Start judging what was refined; return the places whose reply failed."""
        if len(replies) != len(places):
            raise AccountingError(
                f"{len(places)} refinements were requested and {len(replies)} received.",
                "Each refinement needs a reply, even a failed one.",
            )
        failed = []
        for place, refinement in zip(places, replies, strict=True):
            place.replies.append(refinement)
            if refinement.text is None:
                failed.append(place)
            else:
                self._start(self._judge_text(place, refinement.text))
        return failed

    async def _judge_text(self, place: OpenSlot, text: str) -> None:
        judgment = await self._judge(text, place.path)
        place.judgment = judgment
        if judgment.failure is not None:
            place.prune(never_drawn(judgment) or judgment.failure, judgment)
        else:
            place.keep(text, judgment)
        self._stop_if_settled()

    def _settled(self) -> int | None:
        """The number of places of the level; None while one of them is still growing."""
        for number, place in enumerate(self._places, start=1):
            if not place.finished:
                return None
            if self._may_stop and place.node is not None and place.node.value == 1:
                return number  # no later V is higher, and the earliest of equals wins
        return len(self._places)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(self._group.create_task(work))

    def _stop_if_settled(self) -> None:
        if self._settled() is not None:
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()
