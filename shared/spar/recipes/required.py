"""Values that a built-in recipe leaves to its user: a key with the value REQUIRED is reported as missing.

For keys that are optional in general, but not in that recipe. Reads no file.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from spar.recipes.problems import Flaw, Keys, Problem, dotted
from spar.recipes.source import YamlSource
from spar.recipes.validating import STAND_IN

REQUIRED = "REQUIRED"
STAND_INS: Mapping[str, str] = {"models": f"served:{STAND_IN}", "training": f"world:{STAND_IN}"}
"""By section: a placeholder that names no file of this host."""


def take_required(source: YamlSource) -> None:
    """Replace each value that must still be given by a placeholder, and report it."""
    for keys in list(_required(source.data, ())):
        section: Any = source.data
        for key in keys[:-1]:
            section = section[key]
        section[keys[-1]] = STAND_INS.get(keys[0], STAND_IN)
        fix = f"Add it to the recipe, or give --set {dotted(keys)}=VALUE."
        source.problems.append(Problem(keys=keys, what="is missing", fix=fix, flaw=Flaw.MISSING))


def _required(data: Mapping[str, Any], at: Keys) -> Iterator[Keys]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _required(value, (*at, key))
        elif value == REQUIRED:
            yield (*at, key)
