"""What a recipe `extends`: the built-in recipes below it, each laid over those before it.

    extends: spar                           one recipe, which may extend others itself
    extends: [demo, methods/no_refinement]  several: what a later one says wins
    extends: [self_rewarding, llama3-8b]    a method and a model: the method over the model (`composing`)

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
    """The built-in recipes: their names, which of them are a method's, and from a name to what the recipe says."""

    names: Collection[str]
    methods: Collection[str] = ()
    read: Callable[[str], YamlSource]

    def extended(self, source: YamlSource, problems: list[Problem]) -> Iterator[str]:
        """The names that `extends` lists; what is no name of a recipe is a problem."""
        if EXTENDS not in source.data:
            return
        value = source.data[EXTENDS]
        given = value if isinstance(value, list) else [value]
        for name in given:
            if not isinstance(name, str) or name not in self.names:
                problems.append(
                    Problem(keys=(EXTENDS,), what=f"is {name!r}, which is no built-in recipe", fix=self._instead(name))
                )
        known = [name for name in given if isinstance(name, str) and name in self.names]
        yield from methods_over_models(known, self.methods)

    def _instead(self, name: Any) -> str:
        close = difflib.get_close_matches(str(name), self.names, n=1)
        whole = sorted(each for each in self.names if "/" not in each and parts_of(each, self.methods) is None)
        return f"Did you mean '{close[0]}'?" if close else f"Name one of: {', '.join(whole)}."


def over_layers(source: YamlSource, library: Library) -> YamlSource:
    """The recipe with everything that it extends below it, and where each key was written last."""
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
    """Add the recipe after what it extends, unless it is there already; `chain` is how it was reached."""
    if name in chain:
        circle = ARROW.join([*chain[chain.index(name) :], name])
        problems.append(
            Problem(keys=(EXTENDS,), what=f"goes in a circle: {circle}", fix="Let one of them extend nothing.")
        )
        return
    if name in layers:
        return
    layer = library.read(name)
    problems += layer.problems
    for base in library.extended(layer, problems):
        _collect(base, (*chain, name), layers, library, problems)
    layers[name] = layer
