"""How a recipe names a model: `builtin:NAME`, `hub:ORG/NAME@REVISION`, `served:NAME`, or a folder.

Checks the format, and suggests what was probably meant; whether the hub or a server has the model is found when it is
loaded.
"""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from spar.recipes.nearby import likely_path
from spar.recipes.problems import Keys, Problem

BUILTIN_MODELS = ("story/backbone", "story/actor", "story/refiner", "story/one")
PREFIXES = ("builtin", "hub", "served")
REVISION = "REVISION is a commit's hash or a tag, so that the model stays the same."

_HUB_NAME = r"(?:[\w-][\w.-]*/)?[\w-][\w.-]*"
_ON_HUB = re.compile(rf"(?P<name>{_HUB_NAME})(?:@(?P<revision>\S+))?")
_HUB_PAGE = re.compile(rf"(?:https?://)?huggingface\.co/(?P<name>{_HUB_NAME})(?:/tree/(?P<revision>\S+))?/?")


def check_form(keys: Keys, value: str) -> Iterator[Problem]:
    """Problems of a reference with a prefix."""
    kind, _, rest = value.partition(":")
    match kind:
        case "hub":
            yield from _check_hub(keys, value, rest)
        case "served" if not rest.strip():
            yield Problem(
                keys=keys, what=f"is {value!r}, which names no model", fix="Write served:NAME, as its server lists it."
            )
        case "builtin" if rest not in BUILTIN_MODELS:
            close = difflib.get_close_matches(rest, BUILTIN_MODELS, n=1)
            fix = f"Did you mean 'builtin:{close[0]}'?" if close else f"Choose one of: {', '.join(BUILTIN_MODELS)}."
            yield Problem(keys=keys, what=f"is {value!r}, which is not a built-in model", fix=fix)


def _check_hub(keys: Keys, value: str, rest: str) -> Iterator[Problem]:
    named = _ON_HUB.fullmatch(rest)
    if named is None:
        yield Problem(
            keys=keys, what=f"is {value!r}, not a name on the hub", fix=f"Write hub:ORG/NAME@REVISION. {REVISION}"
        )
    elif named["revision"] is None:
        fix = f"Write hub:{named['name']}@REVISION. {REVISION}"
        yield Problem(keys=keys, what=f"is {value!r}, which names no revision", fix=fix)


def absent_folder(keys: Keys, folder: Path, written: str) -> Problem:
    """The problem of a missing folder, with a suggestion by its name."""
    forms = "builtin:NAME, hub:ORG/NAME@REVISION, served:NAME"
    meant, prefixed, on_hub = likely_path(folder), _likely_prefix(written), hub_reference(written)
    if prefixed is not None:
        hint = f"Did you mean '{prefixed}'? "
    elif meant is not None:
        hint = f"Did you mean {meant}? "
    else:
        hint = f"For the model on the Hugging Face Hub write {on_hub} ({REVISION[:-1]}). " if on_hub else ""
    return Problem(keys=keys, what=f"names a missing folder: {folder}", fix=f"{hint}Name a folder, or one of {forms}.")


def _likely_prefix(written: str) -> str | None:
    """Such as `severd:NAME` with its prefix corrected."""
    kind, colon, rest = written.partition(":")
    close = difflib.get_close_matches(kind, PREFIXES, n=1) if colon else []
    return f"{close[0]}:{rest}" if close else None


def hub_reference(written: str) -> str | None:
    """The reference for ORG/NAME, with or without a revision, or for a model's page on the hub."""
    named = _HUB_PAGE.fullmatch(written) or _ON_HUB.fullmatch(written)
    if named is None or "/" not in named["name"]:
        return None
    return f"hub:{named['name']}@{named['revision'] or 'REVISION'}"
