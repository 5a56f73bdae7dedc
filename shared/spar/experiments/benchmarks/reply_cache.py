"""Models whose replies are kept as they come, in OUT/calls/: what was said is not asked again."""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from spar.engines.base import ChatModel
from spar.evaluation.call_book import open_call_book
from spar.evaluation.remembering import RememberingModel
from spar.experiments.benchmarks.job import identity_of
from spar.inference.endpoints import Endpoint

Name = TypeVar("Name", bound=str)
Serve = Callable[[], Awaitable[ChatModel]]
"""Opens a model, when it is first asked what its book does not know."""


def remembering(
    places: Mapping[Name, Endpoint], out: Path, serving: Callable[[Name, Endpoint], Serve], books: ExitStack
) -> dict[Name, RememberingModel]:
    """By role or name; one for all roles that a model plays, since a book has one writer."""
    by_model: dict[str, RememberingModel] = {}
    chats: dict[Name, RememberingModel] = {}
    for role, place in places.items():
        identity = identity_of(place)
        key = json.dumps(identity)
        if key not in by_model:
            book = books.enter_context(open_call_book(out / "calls", identity))
            by_model[key] = RememberingModel(book, serving(role, place))
        chats[role] = by_model[key]
    return chats
