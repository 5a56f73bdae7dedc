"""Models whose replies are stored as they arrive, in OUT/calls/, so that no call is repeated."""

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
"""Opens a model, at the first call that its book does not hold."""


def remembering(
    places: Mapping[Name, Endpoint], out: Path, serving: Callable[[Name, Endpoint], Serve], books: ExitStack
) -> dict[Name, RememberingModel]:
    """The models by role or name; a model with several roles is one of these, since a book has one writer."""
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
