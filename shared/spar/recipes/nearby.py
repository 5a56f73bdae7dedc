"""Suggests the path that was probably meant instead of a missing one, from names in existing folders."""

import difflib
from pathlib import Path

from spar.recipes.problems import Keys, Problem

ALIKE = 0.75
"""Similarity required to suggest a name: unrelated file names with the same suffix have about a half."""


def absent(keys: Keys, what: str, path: Path, fix: str) -> Problem:
    """The problem of a missing path, with the likely one before the general fix."""
    meant = likely_path(path)
    hint = "" if meant is None else f"Did you mean {meant}? "
    return Problem(keys=keys, what=f"{what}: {path}", fix=hint + fix)


def likely_path(path: Path) -> Path | None:
    """The path with each missing name replaced by the closest one; None if none is close."""
    found = Path(path.anchor)
    for name in path.parts[1:] if path.anchor else path.parts:
        if not (found / name).exists():
            close = difflib.get_close_matches(name, _names_in(found), n=1, cutoff=ALIKE)
            if not close:
                return None
            name = close[0]
        found /= name
    return found


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:  # a file, or an unreadable folder: no suggestion
        return []
