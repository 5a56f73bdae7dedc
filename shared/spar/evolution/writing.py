"""The output folder of an evolution: evolved prompts, rejects, manifest. Written in a work folder inside and moved out
when complete.

Every input row has exactly one outcome; all but evolved prompts go to the rejects file, with their reason.
"""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from spar.data.rows import shown
from spar.data.words import normal_form, number_of
from spar.errors import AccountingError
from spar.evolution.manifest import MANIFEST, EvolutionManifest
from spar.evolution.records import CheckedEvolution, EvolutionOutcome
from spar.evolution.seeds import Ended, Seed
from spar.evolution.statistics import SetStatistics
from spar.hashing import file_sha256

EVOLVED, REJECTS = "evolved.jsonl", "rejects.jsonl"
WORK = ".work"

_REASONS = {
    EvolutionOutcome.ENGINE_FAILED: "the engine failed in every attempt",
    EvolutionOutcome.UNASKABLE: "the teacher cannot process it",
    EvolutionOutcome.DECLINED: "the teacher wrote None: the prompt takes no constraints",
    EvolutionOutcome.EMPTY: "the reply is empty",
    EvolutionOutcome.CUT_OFF: "the reply was cut off at --max-tokens",
    EvolutionOutcome.UNPARSABLE: "the reply holds no prompt between [[start]] and [[end]]",
    EvolutionOutcome.OFF_COUNT: "the reply names no constraint, or more than three, besides the main one",
    EvolutionOutcome.UNCHANGED: "the evolved prompt is the seed prompt",
    EvolutionOutcome.UNCHECKED: "no readable check",
    EvolutionOutcome.UNANSWERABLE: "by the check, it cannot be answered",
    EvolutionOutcome.INCONSISTENT: "by the check, its constraints contradict each other",
    EvolutionOutcome.MAIN_UNUSED: "by the check, it lacks the main constraint",
}


class EvolutionFiles:
    """Open with `with`; add every row once; `finish` writes the manifest and moves the files out."""

    def __init__(self, out: Path, statistics: SetStatistics) -> None:
        self.outcomes: Counter[EvolutionOutcome] = Counter()
        self.left_out: Counter[str] = Counter()
        self._out, self._work = out, out / WORK
        self._statistics = statistics
        self._seen: dict[int, tuple[str, int]] = {}

    def __enter__(self) -> "EvolutionFiles":
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(parents=True)
        self._evolved = (self._work / EVOLVED).open("w", encoding="utf-8")
        self._rejects = (self._work / REJECTS).open("w", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._evolved.close()
        self._rejects.close()
        shutil.rmtree(self._work, ignore_errors=True)

    def add_ended(self, row: Ended) -> None:
        self._reject(row.source, row.row, row.outcome, row.reason, text=row.text)

    def add_failed(self, seed: Seed, reason: str) -> None:
        """A seed prompt whose shard was given up."""
        why = f"{_REASONS[EvolutionOutcome.ENGINE_FAILED]}: {reason}"
        self._reject(seed.source, seed.row, EvolutionOutcome.ENGINE_FAILED, why, text=shown(seed.prompt.text))

    def add_checked(self, seeds: Sequence[Seed], rows: Sequence[CheckedEvolution]) -> None:
        """A shard's seed prompts with their results, in the same order."""
        if [seed.prompt.id for seed in seeds] != [row.evolution.prompt.id for row in rows]:
            raise AccountingError("A shard's result does not match its seed prompts.")
        for seed, row in zip(seeds, rows, strict=True):
            self._statistics.draw(row.evolution.main)
            self._add(seed, row)

    def _add(self, seed: Seed, row: CheckedEvolution) -> None:
        evolution = row.evolution
        if row.outcome is not EvolutionOutcome.EVOLVED:
            reason = row.reason or evolution.reason or _REASONS[row.outcome]
            reply = row.check.reply if row.check is not None else evolution.reply
            details = {"main": evolution.main, "text": shown(seed.prompt.text), "evolved": evolution.text}
            self._reject(seed.source, seed.row, row.outcome, reason, **details, reply=shown(reply))
            return
        first = self._seen.setdefault(number_of(normal_form(evolution.text)), (seed.source, seed.row))
        if first != (seed.source, seed.row):
            reason = f"row {first[1]} of {first[0]} evolved into the same prompt"
            outcome = EvolutionOutcome.REPEATED
            self._reject(seed.source, seed.row, outcome, reason, text=shown(seed.prompt.text), evolved=evolution.text)
            return
        self.outcomes[EvolutionOutcome.EVOLVED] += 1
        self.left_out.update(seed.left_out)
        self._statistics.keep(evolution.prompt, evolution.main, evolution.added, evolution.text)
        kept: dict[str, Any] = {
            "prompt": evolution.text,
            **({"id": seed.id} if seed.id else {}),
            "seed_prompt": seed.prompt.text,
            "main_constraint": evolution.main,
            "added_constraints": list(evolution.added or ()),
            "source": seed.source,
            "row": seed.row,
        }
        self._evolved.write(json.dumps(kept, ensure_ascii=False) + "\n")

    def _reject(self, source: str, row: int, outcome: EvolutionOutcome, reason: str, **more: Any) -> None:
        self.outcomes[outcome] += 1
        record = {"file": source, "row": row, "outcome": outcome.value, "reason": reason, **more}
        self._rejects.write(json.dumps(record, ensure_ascii=False) + "\n")

    def digests(self) -> dict[str, str]:
        """Close the files; returns the SHA-256 of each."""
        self._evolved.close()
        self._rejects.close()
        return {name: file_sha256(self._work / name) for name in (EVOLVED, REJECTS)}

    def finish(self, manifest: EvolutionManifest) -> None:
        manifest.write(self._work)
        (self._out / MANIFEST).unlink(missing_ok=True)  # while files are moved, the folder holds no evolution
        for name in (*manifest.files, MANIFEST):
            (self._work / name).replace(self._out / name)
