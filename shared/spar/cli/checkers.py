"""`spar prompts checkers`: a teacher writes code that verifies each prompt's responses; reliable checkers are kept.

AutoIF's data preparation (arXiv 2406.13542, sections 3.1 and 3.2): the output is a prompts file for the recipe
`autoif`; with --queries, its prompts join each instruction to queries. Rerun the command to resume.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from spar.aio import gather
from spar.cli.console import err, out
from spar.cli.engine_options import BodyOption, HeaderOption, body_of, headers_of
from spar.cli.options import options_of, require_other_file
from spar.cli.teachers import ModelOption, TeacherOption, TemplatesOption, forms_for, given_prompts, teacher_named
from spar.engines.base import Engine, LocalModel, Sampling
from spar.engines.registry import make_engine
from spar.errors import DataError
from spar.inference.endpoints import RequestOptions
from spar.method.checking import LEAST_CHECKERS
from spar.method.records import Prompt
from spar.roles.checker_file import CheckerFile, queries_of, write_joined
from spar.roles.checker_writer import CheckerForms, Teacher
from spar.roles.usage import SeedScope, Usage
from spar.roles.verified_checkers import CheckerStatus, write_checkers

FORMS = ("checker", "meaning", "contradiction")
REPORT_EVERY = 100  # prompts


@dataclass(frozen=True, slots=True)
class CheckerOptions:
    """The command's options."""

    source: Annotated[Path, typer.Argument(metavar="PROMPTS", help="JSON Lines of {prompt}.", show_default=False)]
    teacher: TeacherOption
    output: Annotated[
        Path, typer.Option("--out", help="JSON Lines of {prompt, checkers}; extended if it exists.", show_default=False)
    ]
    model: ModelOption = None
    templates: TemplatesOption = None
    samples: Annotated[
        int, typer.Option(min=LEAST_CHECKERS, help="Checkers requested for each prompt, each with its own test cases.")
    ] = 8
    queries: Annotated[
        Path | None,
        typer.Option(help="JSON Lines of {prompt}: queries to join instructions to.", show_default=False),
    ] = None
    queries_each: Annotated[int, typer.Option(min=1, help="Queries for each instruction.")] = 16
    temperature: Annotated[float, typer.Option(min=0, max=2, help="Sampling temperature.")] = 0.7
    max_tokens: Annotated[int, typer.Option(min=1, help="Token limit of a reply.")] = 1024
    seed: Annotated[int, typer.Option(min=0, help="Sampling seed.")] = 0
    send_seed: Annotated[bool, typer.Option(help="Send seeds to the server.")] = True
    body: BodyOption = None
    header: HeaderOption = None
    window: Annotated[int, typer.Option(min=1, help="Requests in flight; in-process, sequences.")] = 64
    deadline: Annotated[float, typer.Option(min=0.001, help="Timeout of one call, in seconds.")] = 600.0


@options_of(CheckerOptions)
def checkers(options: CheckerOptions) -> None:
    """Write code that verifies responses, by a teacher. Reliable checkers are kept, for the recipe autoif.

    Exit codes: 2 bad input or settings, 3 the engine or the disk failed.
    """
    require_other_file(options.output, options.source)
    checker, meaning, contradiction = forms_for(options.teacher, options.templates, FORMS)
    forms = CheckerForms(checker=checker, meaning=meaning, contradiction=contradiction)
    queries = None if options.queries is None else queries_of(options.queries)
    how = RequestOptions(
        options.window, options.deadline, options.send_seed, body_of(options.body), headers_of(options.header)
    )
    engine, model = teacher_named(options.teacher, options.model, how)
    read = given_prompts(options.source)
    file = CheckerFile.open(options.output)
    usage = asyncio.run(_write_all(options, forms, make_engine(engine), model, read.prompts, file))
    _print_counts(file, usage, rejected=len(read.rejects), to=options.output)
    if queries is not None:
        joined = write_joined(options.output, queries, options.queries_each, options.seed)
        out.print(
            f"{joined.path}: {joined.rows:,} prompts, {joined.instructions:,} instructions with queries", markup=False
        )
        out.print(f"{'queries too short or long':<24} {queries.unfit:>10,}", markup=False)


async def _write_all(
    options: CheckerOptions,
    forms: CheckerForms,
    engine: Engine,
    model: LocalModel,
    prompts: Sequence[str],
    file: CheckerFile,
) -> Usage:
    usage = Usage()
    try:
        chat = await engine.serve(model)
        sampling = Sampling(temperature=options.temperature, top_p=1.0, max_tokens=options.max_tokens)
        teacher = Teacher(chat, sampling, forms, SeedScope(seed=options.seed, iteration=0), usage)
        left = iter([text for text in prompts if text not in file.done])

        async def worker() -> None:
            for text in left:  # shared by the workers: each prompt goes to the first free one
                [outcome] = await write_checkers(teacher, [Prompt.of(text)], options.samples)
                file.add(text, outcome)
                if len(file.done) % REPORT_EVERY == 0:
                    err.print(f"{len(file.done):,} of {len(prompts):,} prompts", markup=False)

        await gather(worker() for _ in range(options.window))
    finally:
        await engine.close()
    return usage


def _print_counts(file: CheckerFile, usage: Usage, rejected: int, to: Path) -> None:
    total = file.ends.total()
    lines = [
        ("prompts", total),
        *((f"- {end}", file.ends[end]) for end in CheckerStatus if end is not CheckerStatus.KEPT),
    ]
    lines += [("= with checkers", file.ends[CheckerStatus.KEPT]), ("rows without a prompt", rejected)]
    lines += [("calls", usage.calls), *((f"replies: {name}", n) for name, n in sorted(usage.failures.items()))]
    for name, count in lines:
        out.print(f"{name:<24} {count:>10,}", markup=False)
    if not file.ends[CheckerStatus.KEPT]:
        ends = ", ".join(f"{count:,} {end}" for end, count in file.ends.most_common())
        raise DataError(f"No prompt has reliable checkers: {ends}.", f"Every prompt's reason: {file.dropped}.")
    out.print(f"{to}: prompts for --set prompts.source, with the recipe autoif", markup=False, soft_wrap=True)
