"""`spar explain`: every step and reply of a prompt, and its outcome; or the list of prompts."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.text import Text

from spar.cli.client import ApiOption
from spar.cli.console import out
from spar.cli.history import DirOption, FullOption, RunArgument, open_histories
from spar.cli.status import JsonOption
from spar.errors import DataError
from spar.messages.reasons import OUTCOMES
from spar.method.records import Outcome
from spar.recipes.init import iteration_name
from spar.report.history import PromptEntry, PromptHistory, StepFact
from spar.report.plain_text import excerpt, indented
from spar.report.reply_lines import ReplyLines

SHARED = ("generation", "judgment", "refinement")
HISTORIES: TypeAdapter[list[PromptHistory]] = TypeAdapter(list[PromptHistory])
HISTORY: TypeAdapter[PromptHistory] = TypeAdapter(PromptHistory)

PromptArgument = Annotated[
    str | None,
    typer.Argument(metavar="[PROMPT]", help="A prompt's id or its start, or its text. [default: list the prompts]"),
]
OutcomeOption = Annotated[
    Outcome | None,
    typer.Option("--outcome", metavar="OUTCOME", help="Only prompts with this outcome, such as unparsable."),
]
IterationOption = Annotated[int | None, typer.Option("--iteration", metavar="N", help="Only this iteration.")]


def explain(  # noqa: PLR0913 - the options of a command
    run: RunArgument,
    prompt: PromptArgument = None,
    directory: DirOption = None,
    api: ApiOption = None,
    outcome: OutcomeOption = None,
    iteration: IterationOption = None,
    full: FullOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show every step and reply of a prompt, and its outcome. Without a prompt: list the run's prompts.

    With --json and without a prompt: one JSON line for each prompt, with all of its replies.
    """
    with open_histories(run, directory, api) as source:
        if prompt is None:
            found = source.entries(outcome, iteration)
            _print_whole(source.history(each) for each in found) if as_json else _print_list(found)
            return
        histories = [
            history
            for history in source.find(prompt)
            if iteration in (None, history.iteration) and (outcome is None or history.outcome == outcome)
        ]
    if not histories:
        raise DataError(f"Prompt {prompt} has no entry that matches.", "Leave out --outcome or --iteration.")
    if as_json:
        typer.echo(HISTORIES.dump_json(histories, indent=2))
        return
    for history in histories:
        for line in explained(history, full):
            _print(line)


def _print_whole(histories: Iterator[PromptHistory]) -> None:
    for history in histories:
        typer.echo(HISTORY.dump_json(history))


def _print_list(entries: Iterator[PromptEntry]) -> None:
    empty = True
    for entry in entries:
        empty = False
        name = iteration_name(entry.iteration)
        _print(f"{name}  {entry.prompt.id}  {entry.outcome or 'no outcome yet'}  {excerpt(entry.prompt.text)}")
    if empty:
        _print("No prompt of the run matches.")


def explained(history: PromptHistory, full: bool) -> Iterator[str]:
    """The lines for a prompt in one iteration."""
    lines = ReplyLines(full)
    yield f"{iteration_name(history.iteration)}, position {history.position}, shard {history.shard}"
    yield f"prompt {history.prompt.id}:"
    yield indented(history.prompt.text, 4)
    yield from _steps(history.steps)
    if history.judged is not None:
        yield from lines.judged(history.judged)
    elif history.generated is not None:
        for response in history.generated.responses:
            yield from lines.response(response, "not judged yet")
    if history.tree is not None:
        yield from lines.tree(history.tree)
    yield _ending(history)


def _steps(steps: Sequence[StepFact]) -> Iterator[str]:
    for step in steps:
        yield f"  {step.kind}{' ' + step.role if step.role else ''}: {_step(step)}"


def _step(step: StepFact) -> str:
    parts = [str(step.state)]
    if step.reused:
        parts.append("result reused")
    elif step.attempt:
        parts.append(f"attempt {step.attempt}" + (f" on {step.worker}" if step.worker else ""))
    if step.seconds and not step.reused:
        parts.append(
            f"{step.seconds:.2f} s for the whole shard" if step.kind.value in SHARED else f"{step.seconds:.2f} s"
        )
    if step.reason:
        parts.append(indented(step.reason, 0))
    return ", ".join(parts)


def _ending(history: PromptHistory) -> str:
    if history.outcome is None:
        return "outcome: none yet: the iteration's selection has not run"
    explanation = OUTCOMES[Outcome(history.outcome)]
    return f"outcome: {history.outcome}. {explanation.what} {explanation.fix}"


def _print(text: str) -> None:
    out.print(Text(text), soft_wrap=True)
