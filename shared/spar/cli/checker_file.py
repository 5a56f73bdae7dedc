"""The file that `spar prompts checkers` writes: a row a prompt as it is done, so that any stop loses nothing.

A kept prompt's row is what a recipe's prompts file takes: {"prompt", "checkers"}. The others go to a file beside it,
with the reason. Knows nothing of how checkers are made.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from spar.cli.row_file import append_rows, rows_of
from spar.roles.verified_checkers import CheckerOutcome, CheckerStatus


@dataclass(kw_only=True)
class CheckerFile:
    """Opened by one process; `done` are the prompts of earlier calls, `ends` counts those of all."""

    kept: Path
    dropped: Path
    done: set[str] = field(default_factory=set)
    ends: Counter[str] = field(default_factory=Counter)

    @classmethod
    def open(cls, path: Path) -> "CheckerFile":
        """Read what is there. A last line that a kill cut in two is taken off, and its prompt done again."""
        opened = cls(kept=path, dropped=path.with_name(f"{path.stem}.dropped.jsonl"))
        path.parent.mkdir(parents=True, exist_ok=True)
        for file in (opened.kept, opened.dropped):
            for row in rows_of(file):
                opened.done.add(str(row["prompt"]))
                opened.ends[str(row.get("reason", CheckerStatus.KEPT))] += 1
        return opened

    def add(self, prompt: str, outcome: CheckerOutcome) -> None:
        """Raises OSError when the disk does."""
        kept = outcome.end is CheckerStatus.KEPT
        row = {"prompt": prompt, **({"checkers": outcome.sources} if kept else {"reason": outcome.end})}
        append_rows(self.kept if kept else self.dropped, [row])
        self.done.add(prompt)
        self.ends[outcome.end.value] += 1
