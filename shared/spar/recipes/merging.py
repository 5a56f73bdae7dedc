"""Merges recipe sections: key by key, dropping keys of other training methods.

Works on plain data; knows no file and no layer's name.
"""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel

from spar.recipes.models import DpoSettings, SftSettings

METHODS: dict[str, type[BaseModel]] = {"dpo": DpoSettings, "sft": SftSettings}
METHOD = "method"


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Sections are merged key by key; a value replaces a value. If `changes` names a training method, keys of the base
    that only other methods have are dropped."""
    result = dict(base)
    if METHOD in changes:
        drop_other_methods(result, changes[METHOD])
    for key, value in changes.items():
        inner = result.get(key)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        result[key] = merged(inner, value) if both and isinstance(inner, Mapping) else value
    return result


def drop_other_methods(section: dict[str, Any], method: Any, keep: Collection[str] = ()) -> None:
    """Remove keys that only other methods have; those in `keep` stay, to be reported as errors."""
    if method not in METHODS:
        return
    own = METHODS[method].model_fields
    others = {key for name in METHODS.values() for key in name.model_fields} - set(own)
    for key in others.intersection(section) - set(keep):
        del section[key]
