"""Resolves `extends`: the built-in recipes that a recipe is based on, each overriding those before it.

    extends: spar                           one recipe, which may itself extend others
    extends: [demo, methods/no_refinement]  several: later ones override earlier ones
    extends: [self_rewarding, llama3-8b]    a method and a model, combined (`composing`)

A recipe that is reached twice is one layer, below all that extend it. Reads no file itself.
"""

import difflib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from spar.recipes.composing import methods_over_models, parts_of
from spar.recipes.merging import merged
from spar.recipes.problems import Problem
from spar.recipes.source import YamlSource

EXTENDS = "extends"
ARROW = " -> "


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The built-in recipes: their names, the names of methods, and a reader by name."""

    names: Collection[str]
    methods: Collection[str] = ()
    read: Callable[[str], YamlSource]

    def extended(self, source: YamlSource, problems: list[Problem]) -> Iterator[str]:
        """The names in `extends`; an unknown one is added to the problems."""
        if EXTENDS not in source.data:
            return
        value = source.data[EXTENDS]
        given = value if isinstance(value, list) else [value]
        for name in given:
            if not isinstance(name, str) or name not in self.names:
                problems.append(
                    Problem(keys=(EXTENDS,), what=f"is {name!r}, not a built-in recipe", fix=self._instead(name))
                )
        known = [name for name in given if isinstance(name, str) and name in self.names]
        yield from methods_over_models(known, self.methods)

    def _instead(self, name: Any) -> str:
        close = difflib.get_close_matches(str(name), self.names, n=1)
        whole = sorted(each for each in self.names if "/" not in each and parts_of(each, self.methods) is None)
        return f"Did you mean '{close[0]}'?" if close else f"Name one of: {', '.join(whole)}."


def over_layers(source: YamlSource, library: Library) -> YamlSource:
    """The recipe merged over everything that it extends, with the place where each key was last set."""
    layers: dict[str, YamlSource] = {}
    problems = list(source.problems)
    for name in library.extended(source, problems):
        _collect(name, (), layers, library, problems)
    whole = YamlSource(problems=problems)
    for layer in (*layers.values(), source):
        whole.data = merged(whole.data, {key: value for key, value in layer.data.items() if key != EXTENDS})
        whole.places |= layer.places
    return whole


def _collect(
    name: str, chain: tuple[str, ...], layers: dict[str, YamlSource], library: Library, problems: list[Problem]
) -> None:
    """Add the recipe after what it extends, unless already added; `chain` is the path to it."""
    if name in chain:
        circle = ARROW.join([*chain[chain.index(name) :], name])
        problems.append(Problem(keys=(EXTENDS,), what=f"is circular: {circle}", fix="Let one of them extend nothing."))
        return
    if name in layers:
        return
    layer = library.read(name)
    problems += layer.problems
    for base in library.extended(layer, problems):
        _collect(base, (*chain, name), layers, library, problems)
    layers[name] = layer
