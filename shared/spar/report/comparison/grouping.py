"""Groups of runs, the same recipe under several seeds, and the name of each group."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from spar.recipes.resolve import NOT_IDENTITY
from spar.report.comparison.reading import MeasuredRun

SHOWN = 3
"""The number of differing settings in a label; the recipes have them all."""


def grouped(runs: Sequence[MeasuredRun]) -> list[tuple[str, list[MeasuredRun]]]:
    """(label, runs by seed), in the order in which each group's first run was named."""
    groups: dict[str, list[MeasuredRun]] = {}
    for run in runs:
        group = groups.setdefault(f"{run.name} {_key(run.recipe)}", [])
        if run.seed in {other.seed for other in group}:  # the same run in another home: a group of its own
            group = groups.setdefault(f"{run.home} {run.run_id}", [])
        group.append(run)
    found = [sorted(group, key=lambda run: run.seed) for group in groups.values()]
    return list(zip(_labels([group[0] for group in found]), found, strict=True))


def _key(recipe: Mapping[str, Any]) -> str:
    return json.dumps(dict(sorted(_settings(recipe).items())), ensure_ascii=False)


def _settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting that affects results, by dotted key, without the seed and the name."""
    left_out = {".".join(keys) for keys in NOT_IDENTITY} | {"seed", "name"}
    return {
        key: value
        for key, value in _flat(recipe)
        if not any(key == out or key.startswith(f"{out}.") for out in left_out)
    }


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _labels(firsts: Sequence[MeasuredRun]) -> list[str]:
    """The recipe's name, with its differences from the first of that name; if there are none, with its home."""
    bases: dict[str, dict[str, Any]] = {}
    labels = []
    for run in firsts:
        settings = _settings(run.recipe)
        base = bases.setdefault(run.name, settings)
        changed = [
            f"{key}={settings.get(key)}" for key in sorted({*settings, *base}) if settings.get(key) != base.get(key)
        ]
        more = ", ".join(changed[:SHOWN]) + (" …" if len(changed) > SHOWN else "")
        label = f"{run.name} [{more}]" if changed else run.name
        labels.append(label if label not in labels else f"{label} ({Path(run.home).name})")
    return labels
