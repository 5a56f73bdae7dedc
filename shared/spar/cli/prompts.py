"""`spar prompts`: imports prompts from files and datasets; a teacher evolves them or writes their checkers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spar.cli.checkers import checkers
from spar.cli.console import err, out
from spar.cli.evolve import evolve
from spar.cli.import_notes import left_out_lines, nothing_kept, warn_of_unused
from spar.cli.instructions import instructions
from spar.cli.options import options_of
from spar.cli.source_options import Encoding, Field, Format, Sources, Split, System, Tools
from spar.packages import require_modules

if TYPE_CHECKING:
    from spar.data.importing import Imported
    from spar.data.settings import ImportSettings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

NEEDED = ("datasets", "numpy", "py3langid", "pyarrow", "rensa")
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Directory for prompts, rejects and manifest.")]
MinChars = Annotated[int, typer.Option("--min-chars", min=1, help="Drop shorter prompts.")]
MaxChars = Annotated[int, typer.Option("--max-chars", min=1, help="Drop longer prompts.")]
MinWords = Annotated[int, typer.Option("--min-words", min=0, help="Drop prompts with fewer words.")]
Language = Annotated[
    list[str] | None, typer.Option("--language", metavar="CODE", help="Keep this language (en, zh, ...); repeatable.")
]
Near = Annotated[float, typer.Option("--near", help="Similarity from which two prompts are near-duplicates.")]
NoNear = Annotated[bool, typer.Option("--no-near", help="Drop exact duplicates only.")]
Evaluation = Annotated[
    list[str] | None,
    typer.Option(
        "--decontaminate", metavar="PATH", help="Drop prompts that overlap with this evaluation set; repeatable."
    ),
]
Ngram = Annotated[int, typer.Option("--ngram", help="N-gram size of --decontaminate, in words.")]
Overlap = Annotated[float, typer.Option("--overlap", help="Share of common n-grams from which a prompt is dropped.")]
SftShare = Annotated[float, typer.Option("--sft-share", help="Share of the prompts for SFT.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the split and of the near-duplicate search.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace an earlier import in DIR.")]


@app.callback()
def _group() -> None:
    """Import prompts, evolve them, have checkers written for them."""


app.command("evolve")(evolve)
app.command("instructions")(instructions)
app.command("checkers")(checkers)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The command's options; `settings` is what determines the output files."""

    sources: Sources
    to: Out
    format_: Format = "auto"
    field: Field = None
    encoding: Encoding = "utf-8"
    split: Split = "train"
    system: System = "reject"
    tools: Tools = "reject"
    min_chars: MinChars = 1
    max_chars: MaxChars = 20_000
    min_words: MinWords = 0
    language: Language = None
    near: Near = 0.7
    no_near: NoNear = False
    evaluation: Evaluation = None
    ngram: Ngram = 8
    overlap: Overlap = 0.5
    sft_share: SftShare = 0.0
    seed: Seed = 0
    replace: Replace = False

    def settings(self) -> "ImportSettings":
        """Raises DataError for settings that no import supports."""
        from spar.data.filters import Lengths
        from spar.data.settings import ImportSettings
        from spar.data.sources import Options

        return ImportSettings(
            options=Options(format=self.format_, field=self.field, encoding=self.encoding, split=self.split),
            system=self.system,
            tools=self.tools,
            lengths=Lengths(min_chars=self.min_chars, max_chars=self.max_chars, min_words=self.min_words),
            languages=tuple(sorted(set(self.language or ()))),
            near=None if self.no_near else self.near,
            evaluation=tuple(self.evaluation or ()),
            ngram=self.ngram,
            overlap=self.overlap,
            sft_share=self.sft_share,
            seed=self.seed,
        )


@app.command("import")
@options_of(ImportOptions)
def import_(options: ImportOptions) -> None:
    """Import prompts for self-play and SFT. Broken, unwanted, duplicate and contaminated ones are dropped."""
    require_modules("data", "Importing prompts", NEEDED)
    from spar.data.importing import import_prompts

    done = import_prompts(options.sources, options.to, options.settings(), options.replace, _progress)
    _print(done, options.to)


def _progress(rows: int) -> None:
    err.print(f"{rows:,} rows read", markup=False)


def _print(done: "Imported", to: Path) -> None:
    manifest, counts = done.manifest, done.manifest.counts
    if done.repeated:
        out.print(f"{to} holds this import already.", markup=False, soft_wrap=True)
    lines = [("rows read", counts.read)]
    lines += [(f"- {kind}", count) for kind, count in counts.rejected.items() if count]
    lines += [("= for SFT", counts.sft), ("= for self-play", counts.self_play)]
    for name, count in lines:
        out.print(f"{name:<20} {count:>10,}", markup=False)
    for line in (*_notes(manifest.notes), *left_out_lines(counts.left_out)):
        out.print(line, markup=False, soft_wrap=True)
    if not counts.kept:
        raise nothing_kept("prompt", manifest.unused, to / "rejects.jsonl")
    warn_of_unused("prompt", manifest.unused)
    out.print(f"prompts.source: {(to / 'self_play.jsonl').resolve()}", markup=False, soft_wrap=True)
    if sum(counts.rejected.values()):
        out.print(f"reasons: {to / 'rejects.jsonl'}", markup=False, soft_wrap=True)


def _notes(notes: dict[str, str]) -> list[str]:
    return [f"{name}: {note}" for name, note in notes.items()]
