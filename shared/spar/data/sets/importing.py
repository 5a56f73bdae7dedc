"""Imports training sets: every row of every file goes to one of the sets, or to the rejects file with its reason.

A conversation is assigned to a set by its content: it trains responding, judging, or refining. A judgment without a
readable verdict and a truncated refinement count as failures everywhere in this project, so they are rejected. All
files are written in a work folder inside the output and moved out when complete, the manifest last.
"""

import json
import re
import shutil
from collections import Counter
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from spar.data.diagnosis import why_nothing
from spar.data.manifest import MANIFEST, UnusedSource
from spar.data.rejects import Rejects
from spar.data.rows import Fields, RejectKind, Unusable, shown
from spar.data.sets.files import FoundFiles, SetSource, find_files
from spar.data.sets.names import Names
from spar.data.sets.rows import Conversation, read_row
from spar.data.sources import AS_NAMED, Options, read_source, reading_note, source_identity
from spar.data.text_rows import TEXT_ONLY, Rule, TextRules
from spar.data.words import number_of
from spar.errors import AccountingError, DataError
from spar.hashing import file_sha256
from spar.method.records import Pair
from spar.method.refinements import parse_refinement
from spar.method.verdicts import parse_vote

REJECTS = "rejects.jsonl"
WORK = ".work"

# With the options, since a prompt may itself mention a final judgement; and the story world's compact templates.
_ASKS_JUDGMENT = re.compile(r"\bfinal\s+judge?ment\b[^\n]*\byes\s+or\s+no\b|\AJudge : ", re.IGNORECASE)
_ASKS_REFINEMENT = re.compile(r"\[\[start\]\]|\ARefine\Z", re.IGNORECASE)


class SetKind(StrEnum):
    """The sets that an import makes; each value names its file."""

    RESPONSES = "responses"  # for the actor's SFT
    JUDGMENTS = "judgments"  # for the refiner's
    REFINEMENTS = "refinements"
    PAIRS = "pairs"  # for the actor's DPO


class SetsManifest(BaseModel):
    """Counts of the rows of all sources: read = the sum of `sets` and `rejected`."""

    model_config = ConfigDict(frozen=True)

    kind: str = "training sets"
    format: int = 1
    sources: list[dict[str, str | int]]
    tools: Rule = "reject"
    read: int
    sets: dict[str, int]
    rejected: dict[str, int]
    left_alone: dict[str, str] = {}
    """Skipped files beside the data, and what they are."""
    notes: dict[str, str] = {}
    """What was detected in a source in order to read it, such as its delimiter."""
    unused: dict[str, UnusedSource] = {}
    """The sources without a usable row."""
    files: dict[str, str]

    @property
    def kept(self) -> int:
        return sum(self.sets.values())


def import_sets(
    paths: list[Path],
    out: Path,
    replace: bool = False,
    rules: TextRules = TEXT_ONLY,
    options: Options = AS_NAMED,
) -> SetsManifest:
    """Import files, or folders with all their data files, to `out`. Raises DataError for what cannot be read at all."""
    found = find_files(paths, options)
    _check_out(out, replace)
    work = out / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        manifest = _make(found, work, rules, options)
        text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
        (work / MANIFEST).write_text(text + "\n", encoding="utf-8")
        (out / MANIFEST).unlink(missing_ok=True)  # while files are moved, the folder holds no import
        for name in (*manifest.files, MANIFEST):
            (work / name).replace(out / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return manifest


def _make(found: FoundFiles, work: Path, rules: TextRules, options: Options) -> SetsManifest:
    """Write all files but the manifest."""
    names = [str(source.path) for source in found.sources]
    with Rejects(work / REJECTS, names) as rejects:
        counts = _write(found.sources, work, rejects, rules, options)
    read = sum(tally.read for tally in rejects.tallies)
    if read != counts.total() + rejects.counts.total():
        raise AccountingError(f"Of {read} rows {counts.total()} are in sets and {rejects.counts.total()} rejected.")
    unused = {}
    for name, tally in zip(names, rejects.tallies, strict=True):
        if tally.used == 0:
            problem = why_nothing(name, options, tally)
            unused[name] = UnusedSource(why=problem.what, fix=problem.fix)
    return SetsManifest(
        sources=[source_identity(name) for name in names],
        tools=rules.tools,
        read=read,
        sets={kind: counts[kind] for kind in SetKind},
        rejected={kind: number for kind in RejectKind if (number := rejects.counts[kind])},
        left_alone=found.left_alone,
        notes={name: note for name in names if (note := reading_note(name, options)) is not None},
        unused=unused,
        files={name: file_sha256(work / name) for name in (*(f"{kind}.jsonl" for kind in SetKind), REJECTS)},
    )


def _check_out(out: Path, replace: bool) -> None:
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file.", "Name a folder: --out DIR.")
    if out.is_dir() and any(out.iterdir()) and not (out / WORK).is_dir():
        known = (out / MANIFEST).is_file() and '"kind": "training sets"' in (out / MANIFEST).read_text(encoding="utf-8")
        if not known:
            raise DataError(
                f"{out} is not empty and does not hold an import of training sets.", "Choose another --out."
            )
        if not replace and SetsManifest.model_validate_json((out / MANIFEST).read_bytes()).kept:
            raise DataError(f"{out} holds an import.", "Choose another --out, or add --replace to overwrite it.")


def _write(
    sources: list[SetSource], work: Path, rejects: Rejects, rules: TextRules, options: Options
) -> Counter[SetKind]:
    counts: Counter[SetKind] = Counter()
    seen: set[int] = set()
    with ExitStack() as stack:
        files = {kind: stack.enter_context((work / f"{kind}.jsonl").open("w", encoding="utf-8")) for kind in SetKind}
        for index, source in enumerate(sources):
            for row, fields in read_source(str(source.path), options, every_column=True):
                rejects.tallies[index].read += 1
                found = _set_row(fields, source.names, rules)
                if isinstance(found, Unusable):
                    rejects.add(index, row, found)
                    continue
                kind, record = found
                text = json.dumps(record, ensure_ascii=False)
                number = number_of(text)
                if number in seen:
                    same = Unusable(kind=RejectKind.DUPLICATE, reason="the same row as an earlier one", raw=shown(text))
                    rejects.add(index, row, same)
                    continue
                seen.add(number)
                counts[kind] += 1
                files[kind].write(text + "\n")
    return counts


def _set_row(fields: Fields | Unusable, names: Names, rules: TextRules) -> tuple[SetKind, dict[str, Any]] | Unusable:
    if isinstance(fields, Unusable):
        return fields
    found = read_row(fields, names, rules)
    if isinstance(found, Pair):
        return SetKind.PAIRS, {
            "prompt": [_turn("user", found.prompt.text)],
            "chosen": [_turn("assistant", found.chosen)],
            "rejected": [_turn("assistant", found.rejected)],
        }
    if isinstance(found, Conversation):
        kind = kind_of(found)
        if isinstance(kind, Unusable):
            return kind
        return kind, {"messages": [_turn(message.role, message.content) for message in found.messages]}
    return found


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def kind_of(conversation: Conversation) -> SetKind | Unusable:
    """The set of a conversation, by its requests and replies; Unusable for a judgment or refinement that failed."""
    turns = [message for message in conversation.messages if message.role != "system"]
    if not _ASKS_JUDGMENT.search(turns[0].content):
        return SetKind.RESPONSES
    if parse_vote(turns[1].content, "stop").verdict is None:
        return Unusable(
            kind=RejectKind.UNUSABLE, reason="a judgment without a readable verdict", raw=shown(turns[1].content)
        )
    if len(turns) == 2:
        return SetKind.JUDGMENTS
    if not _ASKS_REFINEMENT.search(turns[2].content):
        return SetKind.RESPONSES
    found = parse_refinement(turns[-1].content, "stop", "")
    if found.text is None:
        reason = "a refinement without a text between [[start]] and [[end]]"
        return Unusable(kind=RejectKind.UNUSABLE, reason=reason, raw=shown(turns[-1].content))
    return SetKind.REFINEMENTS
