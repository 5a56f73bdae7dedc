"""Changes single values of a recipe's data: `--set search.beam_width=1`. Values have YAML's types."""

from collections.abc import Sequence
from typing import Any

from spar.recipes.former_keys import present_path
from spar.recipes.merging import METHOD, drop_other_methods
from spar.recipes.problems import Keys, Problem, dotted
from spar.recipes.source import DEEPEST, YamlSource, parse_value

LONGEST = 10_000
"""Characters of an override, which is a value, not a whole recipe."""
SET = "--set"
"""Prefix of an override's place."""


def apply_overrides(source: YamlSource, overrides: Sequence[str]) -> None:
    """Write each `a.b.c=value` into the data; its place becomes that --set. Later ones override earlier ones."""
    for text in overrides:
        path, equals, value = text.partition("=")
        keys = tuple(part.strip() for part in path.split("."))
        if not equals or not all(keys):
            fix = "Write it as --set section.key=value."
            source.problems.append(Problem(keys=(), what=f"--set {text[:LONGEST]!r} names no key and value", fix=fix))
            continue
        if len(text) > LONGEST or len(keys) > DEEPEST:
            what = f"--set {text[:40]!r}... is longer than {LONGEST:,} characters or {DEEPEST} keys"
            source.problems.append(Problem(keys=(), what=what, fix="Write long values into the recipe."))
            continue
        present, parsed = present_path(keys), parse_value(value.strip())
        if _contradicts(source, present, keys, parsed):
            continue
        _write(source, present, parsed)
        source.places[present] = f"{SET} {path.strip()}"


def _contradicts(source: YamlSource, keys: Keys, typed: Keys, value: Any) -> bool:
    """Whether another --set gave the same key another value under its former or present name."""
    place = source.places.get(keys, "")
    other = place.removeprefix(f"{SET} ")
    if not place.startswith(SET) or other == dotted(typed):
        return False
    section: Any = source.data
    for key in keys:
        section = section.get(key) if isinstance(section, dict) else None
    if section == value:
        return False
    what = f"is set to {value!r}, and to {section!r} as {other}"
    source.problems.append(Problem(keys=typed, what=what, fix="Delete one of the two."))
    return True


def _write(source: YamlSource, keys: tuple[str, ...], value: Any) -> None:
    section = source.data
    for end, key in enumerate(keys[:-1], start=1):
        inner = section.get(key)
        if inner is None:
            inner = section[key] = {}
        if not isinstance(inner, dict):
            what = f"cannot be set: {'.'.join(keys[:end])} is a value, not a section"
            source.problems.append(Problem(keys=keys, what=what, fix="Name a key inside a section."))
            return
        section = inner
    if keys[-1] == METHOD:
        # A file's keys for another method are dropped; those of another --set stay, to be reported as errors.
        drop_other_methods(section, value, [key for key in section if _is_set(source, (*keys[:-1], key))])
    section[keys[-1]] = value
    _forget_places(source, keys)


def _is_set(source: YamlSource, keys: Keys) -> bool:
    return source.places.get(keys, "").startswith(SET)


def _forget_places(source: YamlSource, keys: Keys) -> None:
    """Remove the places of keys inside a value that was replaced as a whole."""
    for inside in [known for known in source.places if len(known) > len(keys) and known[: len(keys)] == keys]:
        del source.places[inside]
