"""An import: scan every row (spar.data.scan), drop duplicates among the candidates, and split the rest.

All files are written in a work folder inside the output and moved out when complete, the manifest last. Repeating the
same import finds the manifest and does nothing.
"""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from spar.data.decontamination import EvaluationIndex
from spar.data.diagnosis import why_nothing
from spar.data.evaluation_sets import evaluation_files, evaluation_prompts
from spar.data.manifest import MANIFEST, ImportCounts, SetManifest, UnusedSource, read_manifest
from spar.data.rejects import Rejects, SourceTally
from spar.data.repeats import Repeats
from spar.data.scan import Progress, Scan, checks_of
from spar.data.settings import ImportSettings
from spar.data.sources import check_sources, reading_note, source_identity
from spar.data.spool import Spool
from spar.data.words import normal_form
from spar.errors import DataError
from spar.hashing import file_sha256

SFT, SELF_PLAY, REJECTS = "sft.jsonl", "self_play.jsonl", "rejects.jsonl"
WORK = ".work"


@dataclass(frozen=True, slots=True)
class Imported:
    """`repeated`: the import existed already, and nothing was done."""

    manifest: SetManifest
    repeated: bool


def import_prompts(
    sources: list[str], out: Path, settings: ImportSettings, replace: bool = False, progress: Progress = lambda _: None
) -> Imported:
    """Import the sources' prompts to `out`. Raises DataError for unreadable sources, or if `out` holds other data."""
    check_sources(sources, settings.options)
    files = evaluation_files(settings.evaluation)
    made_from = ([source_identity(name) for name in sources], [source_identity(name) for name in files])
    earlier = _earlier(out)
    if earlier is not None and earlier.fits(settings.as_dict(), *made_from) and earlier.is_whole(out):
        return Imported(earlier, repeated=True)
    if earlier is not None and earlier.counts.kept and not replace:
        raise DataError(
            f"{out} holds an import of other sources or settings, or its files were changed.",
            "Choose another --out, or add --replace to overwrite it.",
        )
    work = out / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        index = EvaluationIndex(evaluation_prompts(files), settings.ngram, settings.overlap) if files else None
        scan = Scan(settings, sources, checks_of(settings, index))
        made = _make(work, scan, progress)
        read = {name: tally.read for name, tally in zip(sources, made.tallies, strict=True)}
        manifest = SetManifest(
            settings=settings.as_dict(),
            sources=made_from[0],
            evaluation=made_from[1],
            evaluation_prompts=len(index) if index else 0,
            counts=made.counts,
            read_by_source=read,
            notes={name: note for name in sources if (note := reading_note(name, settings.options)) is not None},
            unused=_unused(sources, made.tallies, settings),
            files={name: file_sha256(work / name) for name in (SFT, SELF_PLAY, REJECTS)},
        )
        _move_out(work, out, manifest)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Imported(manifest, repeated=False)


def _earlier(out: Path) -> SetManifest | None:
    """The existing import, if any; leftovers of an interrupted one do not count. Raises DataError for other data."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file.", "Name a folder: --out DIR.")
    found = read_manifest(out)
    if found is None and out.is_dir() and any(out.iterdir()) and not (out / WORK).is_dir():
        raise DataError(f"{out} is not empty and does not hold an import.", "Choose another --out.")
    return found


@dataclass(frozen=True, slots=True)
class _Made:
    counts: ImportCounts
    tallies: Sequence[SourceTally]
    """One for each source."""


def _make(work: Path, scan: Scan, progress: Progress) -> _Made:
    settings = scan.settings
    spool = Spool(work, settings.near, seed=settings.seed)
    with Rejects(work / REJECTS, scan.sources) as rejects:
        with spool:
            scan.run(spool, rejects, progress)
        repeats = Repeats(spool, scan.sources, settings.near)
        kept: Counter[str] = Counter()
        left_out: Counter[str] = Counter()
        with (work / SFT).open("w", encoding="utf-8") as sft, (work / SELF_PLAY).open("w", encoding="utf-8") as play:
            for place, (text, name, without) in enumerate(spool.texts()):
                source, row = repeats.place_of(place)
                why = repeats.why(place, text, name)
                if why is not None:
                    rejects.add(source, row, why)
                    continue
                part = SFT if goes_to_sft(text, settings) else SELF_PLAY
                kept[part] += 1
                left_out.update(without)
                record = {"prompt": text, **({"id": name} if name else {}), "source": scan.sources[source], "row": row}
                (sft if part == SFT else play).write(json.dumps(record, ensure_ascii=False) + "\n")
        read = sum(tally.read for tally in rejects.tallies)
        return _Made(ImportCounts.of(read, rejects.counts, kept[SFT], kept[SELF_PLAY], left_out), rejects.tallies)


def _unused(
    sources: Sequence[str], tallies: Sequence[SourceTally], settings: ImportSettings
) -> dict[str, UnusedSource]:
    """Every source whose rows were all rejected, with the reason."""
    found = {}
    for name, tally in zip(sources, tallies, strict=True):
        if tally.used == 0:
            problem = why_nothing(name, settings.options, tally)
            found[name] = UnusedSource(why=problem.what, fix=problem.fix)
    return found


def goes_to_sft(text: str, settings: ImportSettings) -> bool:
    """Determined by the text alone, so that adding prompts moves none from one part to the other."""
    drawn = sha256(f"{settings.seed}\n{normal_form(text)}".encode()).digest()[:8]
    return int.from_bytes(drawn) < settings.sft_share * 2**64


def _move_out(work: Path, out: Path, manifest: SetManifest) -> None:
    manifest.write(work)
    (out / MANIFEST).unlink(missing_ok=True)  # while files are moved, the folder holds no import
    for name in (*manifest.files, MANIFEST):
        (work / name).replace(out / name)
