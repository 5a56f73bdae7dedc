"""Writes commands that can be pasted into a shell, whatever the names and paths in them. Knows no command."""

import shlex
from pathlib import Path


def command(*words: object) -> str:
    """A `spar` command of these words, each quoted where a shell would split or expand it."""
    return shlex.join(["spar", *(str(word) for word in words)])


def in_directory(directory: Path) -> tuple[str, str]:
    """The option that names a run's directory: relative where it lies below the current one, as people type it."""
    here = Path.cwd()
    resolved = directory.resolve()
    shown = resolved.relative_to(here) if resolved != here and resolved.is_relative_to(here) else resolved
    return "--dir", str(shown)
