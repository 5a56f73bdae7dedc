"""What a recipe `extends`: the built-in recipes below it, each laid over those before it.

    extends: spar                       one recipe, which may extend others itself
    extends: [self_rewarding, llama3]   several: what a later one says wins

A recipe that is reached twice is one layer, below all that extend it. Reads no file itself.
"""

import difflib
from collections.abc import Callable, Collection, Iterator
from typing import Any

from spar.recipes.merging import merged
from spar.recipes.problems import Problem
from spar.recipes.source import Source

EXTENDS = "extends"
ARROW = " -> "

ReadRecipe = Callable[[str], Source]
"""From a built-in recipe's name to what its file says."""


def over_layers(source: Source, known: Collection[str], read: ReadRecipe) -> Source:
    """The recipe with everything that it extends below it, and where each key was written last."""
    layers: dict[str, Source] = {}
    problems = list(source.problems)
    for name in _extended(source, known, problems):
        _collect(name, (), layers, known, read, problems)
    whole = Source(problems=problems)
    for layer in (*layers.values(), source):
        whole.data = merged(whole.data, {key: value for key, value in layer.data.items() if key != EXTENDS})
        whole.places |= layer.places
    return whole


def _collect(
    name: str,
    chain: tuple[str, ...],
    layers: dict[str, Source],
    known: Collection[str],
    read: ReadRecipe,
    problems: list[Problem],
) -> None:
    """Add the recipe after what it extends, unless it is there already; `chain` is how it was reached."""
    if name in chain:
        circle = ARROW.join([*chain[chain.index(name) :], name])
        problems.append(Problem((EXTENDS,), f"goes in a circle: {circle}", "Let one of them extend nothing."))
        return
    if name in layers:
        return
    layer = read(name)
    problems += layer.problems
    for base in _extended(layer, known, problems):
        _collect(base, (*chain, name), layers, known, read, problems)
    layers[name] = layer


def _extended(source: Source, known: Collection[str], problems: list[Problem]) -> Iterator[str]:
    """The names that a file's `extends` lists; what is no name of a recipe is a problem."""
    if EXTENDS not in source.data:
        return
    value = source.data[EXTENDS]
    for name in value if isinstance(value, list) else [value]:
        if isinstance(name, str) and name in known:
            yield name
        else:
            problems.append(Problem((EXTENDS,), f"is {name!r}, which is no built-in recipe", _instead(name, known)))


def _instead(name: Any, known: Collection[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Name one of: {', '.join(sorted(known))}."
