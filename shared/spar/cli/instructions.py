"""`spar prompts instructions`: a teacher writes instructions that code can verify, from a list of seeds.

The first step of AutoIF's data preparation (arXiv 2406.13542, section 3.1); `spar prompts checkers` is the next. Rerun
the command to resume.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from spar.cli.console import out
from spar.cli.engine_options import BodyOption, HeaderOption, body_of, headers_of
from spar.cli.options import options_of, require_other_file
from spar.cli.teachers import ModelOption, TeacherOption, TemplatesOption, forms_for, given_prompts, teacher_named
from spar.data.row_file import append_rows, rows_of
from spar.engines.base import Engine, LocalModel, Sampling
from spar.engines.registry import make_engine
from spar.errors import DataError
from spar.inference.endpoints import RequestOptions
from spar.method.templates.forms import PromptForm
from spar.roles.instruction_writer import InstructionTeacher
from spar.roles.usage import SeedScope, Usage
from spar.roles.verified_instructions import write_instructions


@dataclass(frozen=True, slots=True)
class InstructionOptions:
    """The command's options."""

    seeds: Annotated[Path, typer.Argument(metavar="SEEDS", help="JSON Lines of {prompt}: seed instructions.")]
    teacher: TeacherOption
    output: Annotated[
        Path, typer.Option("--out", help="JSON Lines of {prompt}; extended if it exists.", show_default=False)
    ]
    count: Annotated[int, typer.Option(min=1, help="Target number of instructions, including seeds.")]
    model: ModelOption = None
    templates: TemplatesOption = None
    temperature: Annotated[float, typer.Option(min=0, max=2, help="Sampling temperature.")] = 0.7
    max_tokens: Annotated[int, typer.Option(min=1, help="Token limit of a reply.")] = 4096
    seed: Annotated[int, typer.Option(min=0, help="Sampling seed.")] = 0
    send_seed: Annotated[bool, typer.Option(help="Send seeds to the server.")] = True
    body: BodyOption = None
    header: HeaderOption = None
    window: Annotated[int, typer.Option(min=1, help="Requests in flight.")] = 8
    deadline: Annotated[float, typer.Option(min=0.001, help="Timeout of one call, in seconds.")] = 600.0


@options_of(InstructionOptions)
def instructions(options: InstructionOptions) -> None:
    """Write instructions that code can verify, by a teacher. For `spar prompts checkers` and the recipe autoif.

    Exit codes: 2 bad input or settings, 3 the engine or the disk failed.
    """
    require_other_file(options.output, options.seeds)
    [form] = forms_for(options.teacher, options.templates, ("augment",))
    how = RequestOptions(
        options.window, options.deadline, options.send_seed, body_of(options.body), headers_of(options.header)
    )
    engine, model = teacher_named(options.teacher, options.model, how)
    read = given_prompts(options.seeds)
    asyncio.run(_write(options, form, make_engine(engine), model, read.prompts))


async def _write(
    options: InstructionOptions, form: PromptForm, engine: Engine, model: LocalModel, seeds: list[str]
) -> None:
    options.output.parent.mkdir(parents=True, exist_ok=True)
    there = list(rows_of(options.output))
    if not there:
        append_rows(options.output, [{"prompt": text} for text in seeds])
    known = {*seeds, *(str(row["prompt"]) for row in there)}
    start = 1 + max((int(row.get("round", -1)) for row in there), default=-1)
    usage, repeated, before = Usage(), 0, len(known)
    sampling = Sampling(temperature=options.temperature, top_p=1.0, max_tokens=options.max_tokens)
    try:
        chat = await engine.serve(model)
        teacher = InstructionTeacher(chat, sampling, form, SeedScope(seed=options.seed, iteration=0), usage)
        wanted = options.count - len(known)
        async for each in write_instructions(teacher, seeds, known, wanted, start, options.window):
            repeated += each.repeated
            append_rows(options.output, [{"prompt": text, "round": each.turn} for text in each.new])
    finally:
        await engine.close()
    _print_counts(options, len(seeds), len(known) - before, repeated, len(known), usage)


def _print_counts(options: InstructionOptions, seeds: int, new: int, repeated: int, there: int, usage: Usage) -> None:
    lines = [("seeds", seeds), ("written now", new), ("- repeats left out", repeated), ("= instructions", there)]
    lines += [("calls", usage.calls), *((f"replies: {name}", n) for name, n in sorted(usage.failures.items()))]
    for name, count in lines:
        out.print(f"{name:<24} {count:>10,}", markup=False)
    if there < options.count:
        raise DataError(
            f"{options.output} has {there:,} instructions, not {options.count:,}: the teacher repeats itself.",
            "Lower --count, raise --temperature, or add seeds.",
        )
    out.print(f"{options.output}: next, spar prompts checkers {options.output}", markup=False, soft_wrap=True)
