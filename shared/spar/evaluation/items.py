"""The measurement of one item. Rows of an evaluation result; knows no suite and no rule."""

from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Measure(StrEnum):
    """What was measured: a model's replies, or the pairs that an actor will be trained on."""

    ACTOR_GREEDY = "actor_greedy"
    ACTOR_SAMPLED = "actor_sampled"
    JUDGE = "judge"
    REFINE = "refine"
    PAIR = "pair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item, measured once.

    `given` is the response that was judged or refined, or a pair's rejected one (None for an actor). `reply` is the
    model's reply that is scored, or a pair's chosen response; `critique` is the one that a refinement started from.
    `failure` (a `ReplyFailure` value) is the reason that a reply could not be read: it counts as wrong, and stays in
    the total.
    """

    measure: Measure
    prompt: str
    reply: str
    correct: bool
    given: str | None = None
    critique: str | None = None
    failure: str | None = None


class Gather(Protocol):
    """Runs all items of a measure concurrently, and decides what happens to those that the engine fails."""

    async def __call__(self, work: Iterable[Coroutine[Any, Any, Item]], /) -> list[Item]: ...
