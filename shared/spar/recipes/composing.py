"""A recipe as a method over a model: the names that stand for it, and the layers that it is made of. Reads no file.

    spar run self_rewarding-llama3-8b       by name
    extends: [self_rewarding, llama3-8b]    in a recipe of one's own, in either order

A method's own name, such as self_rewarding, is that method on the story world.
"""

from collections.abc import Collection, Sequence

BACKBONES = ("glm-4-9b", "llama3-70b", "llama3-8b", "mistral-7b")
"""The recipes of models over which a method can be laid: the paper's."""
SETUP = "layers/paper_setup"
"""How every method begins and is measured in the paper; a model or a method may say otherwise."""
METHOD_FOLDER = "methods/"
BETWEEN = "-"


def composed_name(method: str, backbone: str) -> str:
    return f"{method}{BETWEEN}{backbone}"


def parts_of(name: str, methods: Collection[str]) -> tuple[str, str] | None:
    """The method and the model that a name stands for; None for any other name."""
    for backbone in BACKBONES:
        method = name.removesuffix(BETWEEN + backbone)
        if method != name and method in methods:
            return method, backbone
    return None


def composed_text(method: str, backbone: str) -> str:
    """The recipe as a file would have it."""
    layers = ", ".join(layers_of([method], [backbone]))
    return f"# The method {method} over {backbone}.\nextends: [{layers}]\nname: {composed_name(method, backbone)}\n"


def layers_of(methods: Sequence[str], backbones: Sequence[str]) -> list[str]:
    """The recipes below, each laid over those before it: what a method says wins over the model's recipe."""
    return [SETUP, *backbones, *(METHOD_FOLDER + method for method in methods)]


def methods_over_models(names: Sequence[str], methods: Collection[str]) -> list[str]:
    """What a list of `extends` names: methods beside models mean the methods over them, then the others; else as is."""
    backbones = [name for name in names if name in BACKBONES]
    chosen = [name for name in names if name in methods]
    if not backbones or not chosen:
        return list(names)
    return [*layers_of(chosen, backbones), *(name for name in names if name not in (*backbones, *chosen))]
