"""How a user's own tasks are scored, from lm-eval's task files: by generated text, or by likelihoods.

Reads YAML only; the functions that task files name are not loaded.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from spar.errors import DataError

BY_LIKELIHOOD = frozenset({"multiple_choice", "loglikelihood", "loglikelihood_rolling"})
"""Values of `output_type` for which a server must give the log-probabilities of a prompt."""


class _TaskLoader(yaml.SafeLoader):
    """YAML with lm-eval's `!function` tags, which are kept as names."""


_TaskLoader.add_multi_constructor("!", lambda loader, suffix, node: str(node.value))


def scored_by_likelihood(folder: Path, tasks: Iterable[str]) -> frozenset[str]:
    """The tasks that are scored by likelihood, groups included. A name that no file defines is one of lm-eval's own,
    whose scoring is not known."""
    defined = {name: content for file in sorted(folder.rglob("*.yaml")) for name, content in _names(file)}
    return frozenset(task for task in tasks if _is_by_likelihood(task, defined, frozenset()))


def _names(file: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
    content = _read(file, frozenset())
    for key in ("task", "group"):
        if isinstance(content.get(key), str):
            yield content[key], content


def _read(file: Path, within: frozenset[Path]) -> dict[str, Any]:
    """A task file merged over the one that it includes."""
    if file in within:
        raise DataError(f"{file} includes itself.", "Correct the `include` of this task file.")
    try:
        loaded = yaml.load(file.read_text(encoding="utf-8"), _TaskLoader)
    except (OSError, yaml.YAMLError) as error:
        raise DataError(f"{file} is no task file that can be read ({error}).", "Correct it.") from error
    content: dict[str, Any] = loaded if isinstance(loaded, dict) else {}
    if isinstance(included := content.get("include"), str):
        return _read(file.parent / included, within | {file}) | content
    return content


def _is_by_likelihood(task: str, defined: Mapping[str, Mapping[str, Any]], within: frozenset[str]) -> bool:
    content = defined.get(task, {})
    if content.get("output_type") in BY_LIKELIHOOD:
        return True
    parts = content.get("task")
    names = [part if isinstance(part, str) else part.get("task") for part in parts] if isinstance(parts, list) else []
    inside = within | {task}
    return any(_is_by_likelihood(name, defined, inside) for name in names if name and name not in inside)
