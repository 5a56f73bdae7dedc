"""Which path was probably meant, where none is: names in the folders that are there."""

import difflib
from pathlib import Path

from spar.recipes.problems import Keys, Problem

ALIKE = 0.75
"""Of a name's characters, for it to be a slip: file names of one suffix are alike by half."""


def absent(keys: Keys, what: str, path: Path, fix: str) -> Problem:
    """A path that is not there, with the likely one before the fix for all others."""
    meant = likely_path(path)
    hint = "" if meant is None else f"Did you mean {meant}? "
    return Problem(keys=keys, what=f"{what}: {path}", fix=hint + fix)


def likely_path(path: Path) -> Path | None:
    """The path with each name that is not there replaced by the closest one; None where nothing is close."""
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
    except OSError:  # a file, or a folder that may not be read: nothing can be suggested
        return []
