"""A benchmark's request, and how its items are run concurrently. Knows no benchmark."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from spar.aio import despite_failures
from spar.benchmark_records import Benchmark
from spar.engines.base import ChatModel
from spar.errors import ConversationTooLong, DataError, EngineError, ModelUnusable
from spar.evaluation.judging import Judging
from spar.method.records import ReplyFailure
from spar.method.templates import TemplateSet
from spar.recipes.models import AskSettings
from spar.roles.usage import SeedScope, Usage

T = TypeVar("T")
Row = Mapping[str, Any]
"""One item's row, as the scorer reads it: JSON values only."""

Respond = Callable[[str, Usage], Awaitable[Row]]
"""A prompt's response by a search at inference, and how the search ended (`spar.evaluation.search`)."""

RefineNegative = Callable[[str, str, Usage], Awaitable[Row]]
"""The refinement of a prompt's bad response by a search: `refined`, and its cost (`spar.evaluation.search`)."""

TOO_LONG = ReplyFailure.TOO_LONG.value
"""The failure of an item whose conversation does not fit the model: counted, never left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRequest:
    """One evaluation: the benchmark, the models that may be requested, the items, and how.

    `model` is the one measured, with `search` as that search's actor; the story world measures a `refiner` too. `judge`
    is an outside judge; `raters` are further ones by name, where a benchmark compares several. `refining` searches
    refinements of given negatives.
    """

    benchmark: Benchmark
    model: ChatModel
    data: Path
    settings: AskSettings
    templates: TemplateSet
    seed: int
    refiner: ChatModel | None = None
    judge: ChatModel | None = None
    search: Respond | None = None
    raters: Mapping[str, ChatModel] = field(default_factory=dict)
    refining: RefineNegative | None = None
    judging: Judging = field(default_factory=Judging)
    """How the measured judge is prompted and read, in a benchmark that measures a judge."""
    about: Mapping[str, str | int] = field(default_factory=dict)
    """What is known about the models and engines: stored with the scores."""

    @property
    def scope(self) -> SeedScope:
        return SeedScope(seed=self.seed, iteration=0)


class FailureKeeper:
    """Gathers items, group after group: one that the engine fails does not prevent the others from being requested."""

    def __init__(self) -> None:
        self._items = 0
        self._failures: list[tuple[int, EngineError]] = []

    async def gather(self, work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """The items that succeeded. Raises EngineError if several in a row failed: then the engine is at fault."""
        found, failures = await despite_failures(work, EngineError, ModelUnusable)
        self._failures += [(self._items + place, error) for place, error in failures]
        self._items += len(found) + len(failures)
        return found

    def check(self) -> None:
        """Raises the first of the failures, with their number, once everything was requested."""
        if not self._failures:
            return
        place, error = self._failures[0]
        raise type(error)(
            f"{len(self._failures)} of {self._items} items failed; the first is item {place + 1}: {error.what}",
            error.fix,
        )


async def all_rows(work: Iterable[Coroutine[Any, Any, Row]]) -> list[Row]:
    """Every item's row. All items are requested even if the engine fails some; then the failures are raised."""
    keeper = FailureKeeper()
    rows = await keeper.gather(work)
    keeper.check()
    return rows


async def unless_too_long(request: Callable[[], Awaitable[Row]], without: Row) -> Row:
    """The row, or `without` and the reason if the conversation does not fit the model or is refused."""
    try:
        return await request()
    except ConversationTooLong as error:
        return {**without, "failure": TOO_LONG, "reason": error.what}
    except DataError as error:
        return {**without, "failure": ReplyFailure.REFUSED.value, "reason": error.what}
