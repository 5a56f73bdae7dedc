"""FollowBench's items: the six groups of prompts, each prompt with one to five constraints. Scores nothing."""

import json
from dataclasses import dataclass
from pathlib import Path

from spar.errors import DataError
from spar.evaluation.benchmarks.followbench.rules import rule_for
from spar.evaluation.benchmarks.rows import digest, read_bytes

GROUPS = ("content", "situation", "style", "format", "mixed", "example")


LEVELS = (1, 2, 3, 4, 5)


Key = tuple[str, int, int]
"""Group, example, level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowBenchTask:
    """One prompt at one level. `target` is what a rule compares with, if there is one; `steps` is the prompt as it
    grew, from the bare instruction up to this level."""

    key: Key
    source: str
    instruction: str
    target: str
    steps: tuple[str, ...] = ()

    @property
    def judged(self) -> bool:
        """Does an LLM have to judge it?"""
        return rule_for(self.key[0], self.key[1], self.source) is None


def read_tasks(folder: Path) -> tuple[dict[Key, FollowBenchTask], str]:
    """The 820 items by key, and the digest of their files. Level 0, the bare instruction, is not scored."""
    tasks: dict[Key, FollowBenchTask] = {}
    raw = b""
    for group in GROUPS:
        path = folder / f"{group}_constraints.json"
        content = read_bytes(path)
        raw += content
        try:
            rows = json.loads(content)
            texts = {(row["example_id"], row["level"]): row["instruction"] for row in rows}
            for row in rows:
                example_id, level = row["example_id"], row["level"]
                if level in LEVELS:
                    levels = ((example_id, below) for below in range(level + 1))
                    steps = tuple(texts[each] for each in levels if each in texts)
                    key = (group, example_id, level)
                    tasks[key] = FollowBenchTask(
                        key=key, source=row["source"], instruction=row["instruction"], target=row["target"], steps=steps
                    )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} is no FollowBench group ({error}).", "Name the folder of the six *_constraints.json."
            ) from error
    return tasks, digest(raw)
