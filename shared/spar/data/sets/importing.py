"""Brings training sets in: every row of every file ends in one of the sets, or in the rejects file with its reason.

Made in a work folder inside the output and moved out of it when it is whole; the manifest comes last.
"""

import json
import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from spar.data.diagnosis import why_nothing
from spar.data.manifest import MANIFEST, UnusedSource
from spar.data.rejects import Rejects
from spar.data.rows import Fields, RejectKind, Unusable, shown
from spar.data.sets.files import FoundFiles, SetSource, find_files
from spar.data.sets.kinds import SetKind, kind_of
from spar.data.sets.names import Names
from spar.data.sets.rows import Conversation, read_row
from spar.data.sources import AS_NAMED, Options, read_source, reading_note, source_identity
from spar.data.text_rows import TEXT_ONLY, Rule, TextRules
from spar.data.words import number_of
from spar.errors import AccountingError, DataError
from spar.hashing import file_sha256
from spar.method.records import Pair

REJECTS = "rejects.jsonl"
WORK = ".work"


class SetsManifest(BaseModel):
    """Of the rows of all sources, each once: read = the sum of `sets` and `rejected`."""

    model_config = ConfigDict(frozen=True)

    kind: str = "training sets"
    format: int = 1
    sources: list[dict[str, str | int]]
    tools: Rule = "reject"
    read: int
    sets: dict[str, int]
    rejected: dict[str, int]
    left_alone: dict[str, str] = {}
    """Files that lie beside the data, and what they are."""
    notes: dict[str, str] = {}
    """What was found out of a source to read it, such as its delimiter."""
    unused: dict[str, UnusedSource] = {}
    """The sources that gave nothing."""
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
    """Read files, or folders with all their data files, into `out`. Raises DataError for what cannot be read at all."""
    found = find_files(paths, options)
    _check_out(out, replace)
    work = out / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        manifest = _make(found, work, rules, options)
        text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
        (work / MANIFEST).write_text(text + "\n", encoding="utf-8")
        (out / MANIFEST).unlink(missing_ok=True)  # while files are moved, nothing here is an import
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
            raise DataError(f"{out} is not empty, and no import of training sets.", "Choose another --out.")
        if not replace and SetsManifest.model_validate_json((out / MANIFEST).read_bytes()).kept:
            raise DataError(f"{out} holds an import.", "Choose another --out, or add --replace to write it anew.")


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
                kind, told = found
                text = json.dumps(told, ensure_ascii=False)
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
