"""Changes single values of a recipe's data: `--set search.keep=1`. Values are typed as YAML types them."""

from collections.abc import Sequence
from typing import Any

from spar.recipes.problems import Problem
from spar.recipes.source import Source, parse_value


def apply_overrides(source: Source, overrides: Sequence[str]) -> None:
    """Write each `a.b.c=value` into the data; its place becomes the --set that said it. Later ones win."""
    for text in overrides:
        path, equals, value = text.partition("=")
        keys = tuple(part.strip() for part in path.split("."))
        if not equals or not all(keys):
            fix = "Write it as --set section.key=value."
            source.problems.append(Problem((), f"--set {text!r} names no key and value", fix))
            continue
        _write(source, keys, parse_value(value.strip()))
        source.places[keys] = f"--set {path.strip()}"


def _write(source: Source, keys: tuple[str, ...], value: Any) -> None:
    section = source.data
    for end, key in enumerate(keys[:-1], start=1):
        inner = section.get(key)
        if inner is None:
            inner = section[key] = {}
        if not isinstance(inner, dict):
            what = f"cannot be set: {'.'.join(keys[:end])} is a value, not a section"
            source.problems.append(Problem(keys, what, "Name a key inside a section."))
            return
        section = inner
    section[keys[-1]] = value
