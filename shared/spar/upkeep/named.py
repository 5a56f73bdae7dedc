"""Which objects and models a run's records name. Reads no database; of the store only what selections wrote."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spar.db.tables import Event, Step
from spar.errors import ObjectLost
from spar.messages.base import StepKind
from spar.messages.states import StepState
from spar.messages.training import Selected
from spar.recipes.paths import STORED
from spar.runtime.models import STORE
from spar.store.base import ObjectStore
from spar.store.results import get_verified
from spar.store.rows import decode_rows
from spar.upkeep.rows import Records, name_of

BLOB = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*/[0-9a-f]{64}")
"""A key whose object is named by the SHA-256 of its bytes."""
MODEL = re.compile(r"models/([0-9a-f]{64})/[A-Za-z0-9._/-]+")
DIR = "dir:"


@dataclass(frozen=True, slots=True)
class Named:
    """Keys of objects, and models by fingerprint with their location."""

    objects: frozenset[str]
    models: dict[str, str]

    @property
    def stored_models(self) -> list[str]:
        return sorted(fingerprint for fingerprint, location in self.models.items() if location == STORE)


def named_by(records: Records, store: ObjectStore) -> Named:
    """All that the run needs to be resumed and shown."""
    objects: set[str] = set()
    models: dict[str, str] = {}
    for table, rows in records.items():
        if table == name_of(Event):
            continue  # they name what was lost too, and no decision reads them
        for value in _values(list(rows)):
            if isinstance(value, dict):
                models[value["fingerprint"]] = value["location"]
            elif BLOB.fullmatch(key := value.removeprefix(STORED)):
                objects.add(key)
    objects.update(*(selected_keys(store, key) for key in _selections(records)))
    # A model's files have keys of the same form only by chance; they come with their model.
    return Named(frozenset(key for key in objects if not MODEL.fullmatch(key)), models)


def selected_keys(store: ObjectStore, key: str) -> set[str]:
    """What the result of a selection points at; nothing if it is lost itself."""
    try:
        rows = decode_rows(get_verified(store, key), Selected, key)[1]
    except ObjectLost:
        return set()
    return {value for value in _values([vars_of(row) for row in rows]) if isinstance(value, str) and "/" in value}


def vars_of(selected: Selected) -> dict[str, Any]:
    return {name: getattr(selected, name) for name in Selected.__slots__}


def texts_in(value: Any) -> set[str]:
    """Every text in a record, as the key that it may be."""
    return {each.removeprefix(STORED) for each in _values(value) if isinstance(each, str)}


def _selections(records: Records) -> list[str]:
    return [
        record["result_key"]
        for record in records[name_of(Step)]
        if record["kind"] == StepKind.SELECTION and record["state"] == StepState.DONE and record["result_key"]
    ]


def _values(value: Any) -> Iterator[Any]:
    """Every text, and every reference to a model as its dict."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        if isinstance(value.get("fingerprint"), str) and isinstance(value.get("location"), str):
            yield value
        for each in value.values():
            yield from _values(each)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each)
