"""The canonical form of a spec, from which its fingerprint is computed.

A record counts under its `identity`, a string of its own class that outlives renames, and a renamed field under its
former name. Knows no spec by name.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

SCHEME = 1
"""How specs are put into canonical form. Raising it disowns every stored result, so 1 is left out of the form."""


class Reference(BaseModel, ABC):
    """What stands for an object or a model: it counts as what identifies that, wherever it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def identifier(self) -> str: ...


def canonical_form(spec: BaseModel) -> str:
    """JSON with sorted keys, ASCII only. Raises TypeError for a record that states no identity of its own."""
    form = _identify(spec)
    versioned = form if SCHEME == 1 else {"scheme": SCHEME, "spec": form}
    return json.dumps(versioned, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _identify(value: Any) -> Any:
    match value:
        case Reference():
            return value.identifier()
        case BaseModel():
            former = {present: key for key, present in getattr(value, "former_keys", {}).items()}
            fields = {former.get(name, name): getattr(value, name) for name in _counting(value)}
            return {"": identity_of(type(value)), **{name: _identify(field) for name, field in fields.items()}}
        case list() | tuple():
            return [_identify(item) for item in value]
        case dict():
            return {str(key): _identify(item) for key, item in value.items()}
        case _:
            return value


def identity_of(kind: type[BaseModel]) -> str:
    """What the class itself states: an inherited identity would be another record's."""
    identity = vars(kind).get("identity")
    if not isinstance(identity, str):
        raise TypeError(f'{kind.__name__} is part of a spec: give it `identity: ClassVar[str] = "..."` of its own.')
    return identity


def _counting(value: BaseModel) -> Iterator[str]:
    for name, field in type(value).model_fields.items():
        if field.exclude_if is None or not field.exclude_if(getattr(value, name)):
            yield name
