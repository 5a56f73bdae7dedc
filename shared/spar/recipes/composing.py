"""Recipes composed of a method and a model: their names, and their layers. Reads no file.

    spar run self_rewarding-llama3-8b       by name
    extends: [self_rewarding, llama3-8b]    in a user's recipe, in either order

A method's name alone, such as self_rewarding, is that method on the story world.
"""

from collections.abc import Collection, Sequence

BACKBONES = ("glm-4-9b", "llama3-70b", "llama3-8b", "mistral-7b")
"""The recipes of the paper's models, with which methods can be combined."""
SETUP = "layers/paper_setup"
"""The start and evaluation of every method in the paper; a model or a method may override it."""
METHOD_FOLDER = "methods/"
BETWEEN = "-"


def composed_name(method: str, backbone: str) -> str:
    return f"{method}{BETWEEN}{backbone}"


def parts_of(name: str, methods: Collection[str]) -> tuple[str, str] | None:
    """The method and the model of a composed name; None for any other name."""
    for backbone in BACKBONES:
        method = name.removesuffix(BETWEEN + backbone)
        if method != name and method in methods:
            return method, backbone
    return None


def composed_text(method: str, backbone: str) -> str:
    """The text of the composed recipe."""
    layers = ", ".join(layers_of([method], [backbone]))
    return f"# The method {method} over {backbone}.\nextends: [{layers}]\nname: {composed_name(method, backbone)}\n"


def layers_of(methods: Sequence[str], backbones: Sequence[str]) -> list[str]:
    """The base recipes, each overriding those before it: a method overrides the model's recipe."""
    return [SETUP, *backbones, *(METHOD_FOLDER + method for method in methods)]


def methods_over_models(names: Sequence[str], methods: Collection[str]) -> list[str]:
    """The layers of a list of `extends`: methods and models are combined, then come the others; otherwise unchanged."""
    backbones = [name for name in names if name in BACKBONES]
    chosen = [name for name in names if name in methods]
    if not backbones or not chosen:
        return list(names)
    return [*layers_of(chosen, backbones), *(name for name in names if name not in (*backbones, *chosen))]
