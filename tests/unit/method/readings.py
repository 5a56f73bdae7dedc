"""Wordings of replies with the reading that is right for each, from the files in `wordings/`."""

from pathlib import Path
from typing import Any

import pytest
import yaml


def wordings(name: str) -> list[Any]:
    """The entries of wordings/NAME.yaml as parameters, each named by its place and its reply's beginning."""
    entries = yaml.safe_load((Path(__file__).parent / "wordings" / f"{name}.yaml").read_text(encoding="utf-8"))
    return [pytest.param(entry, id=f"{number}:{entry['reply'][:40]!r}") for number, entry in enumerate(entries)]
