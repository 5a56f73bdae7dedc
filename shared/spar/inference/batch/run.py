"""Searches the rows of a file, many trees at once, and writes each as it finishes.

All trees that fit are started at once, because each level of a tree waits for the one before: only many trees keep a
server busy. Rows are read as trees finish, so an input of any size needs the memory of `trees` trees. A row that the
engine fails is reported and left for the next call; several in succession are the engine's fault, and end the command.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from spar.aio import Patience
from spar.engines.base import Engine
from spar.errors import DataError, EngineError, ModelUnusable, SparError
from spar.inference.batch.output import OutputFile, open_output
from spar.inference.batch.rows import InputRow, read_rows
from spar.inference.batch.search_row import Output, RowOutcome, search_row
from spar.inference.batch.settings import RefineJob
from spar.inference.batch.summary import Summary


class ShowProgress(Protocol):
    """Displays a search's progress; called after every row."""

    def __call__(self, summary: Summary) -> None: ...


async def search_file(job: RefineJob, engine: Engine, show: ShowProgress) -> Summary:
    """Search every row that the output does not have yet. Raises SparError; rows written before are kept."""
    begun = time.monotonic()
    summary = Summary()
    with open_output(job.out, job.identity(), summary.add_earlier, job.about()) as output:
        summary.repaired = output.repaired
        try:
            await _search_missing(job, engine, output, summary, show)
        except EngineError as error:
            raise type(error)(error.what, _go_on(error, job, summary)) from error
        finally:
            await engine.close()
    summary.seconds = time.monotonic() - begun
    return summary


async def _search_missing(
    job: RefineJob, engine: Engine, output: OutputFile, summary: Summary, show: ShowProgress
) -> None:
    rows = (row for row in read_rows(job.input) if not output.has(row.line, row.row))
    chat = await engine.serve(job.model)

    patience = Patience()

    async def one(row: InputRow) -> None:
        """Search one row. A failure of the engine is recorded by line; an unusable model ends the command."""
        try:
            found: Output = await search_row(chat, job, row)
        except ModelUnusable:
            raise  # for every row
        except EngineError as error:
            patience.failed(error)
            summary.failed[row.line] = error.what
            return
        patience.succeeded()
        output.append(found)
        summary.add(found)
        show(summary)

    await _at_most(job.trees, rows, one)


async def _at_most(limit: int, rows: Iterator[InputRow], work: Callable[[InputRow], Awaitable[None]]) -> None:
    """Run `work` over all rows, `limit` at a time; the first error stops the others and is raised as it is."""

    async def worker() -> None:
        for row in rows:  # shared: each row goes to the worker that is free
            await work(row)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(limit):
                group.create_task(worker())
    except BaseExceptionGroup as failures:
        raise _worst(failures) from None


def _worst(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """An error that is not a SparError, which is a bug or a stop; else the first SparError."""
    foreign = [error for error in failures.exceptions if not isinstance(error, SparError)]
    return (foreign or list(failures.exceptions))[0]


def failed_rows(summary: Summary, job: RefineJob) -> EngineError:
    """The report on rows that the engine failed while others were searched."""
    line, why = min(summary.failed.items())
    return EngineError(
        f"{_rows(len(summary.failed))} failed; the first is line {line}: {why}",
        f"{job.out} keeps its {_rows(summary.rows)}: run the command again to search those that failed.",
    )


def nothing_searched(summary: Summary, job: RefineJob) -> DataError | None:
    """The error of a command that searched no row, because none could be read or judged; None if one was."""
    useless = summary.outcomes[RowOutcome.REJECTED] + summary.outcomes[RowOutcome.UNPARSABLE]
    if summary.failed or useless < summary.rows:
        return None
    if not summary.rows:
        return DataError(f"{job.input} holds no row.", "Check that it is the file you mean.")
    if summary.outcomes[RowOutcome.UNPARSABLE]:
        return DataError(
            f"No row was searched: the votes on {summary.outcomes[RowOutcome.UNPARSABLE]} responses cannot be read.",
            f"Read them in {job.out}; judge with a larger model, or with --templates compact.",
        )
    reason, number = summary.reasons.most_common(1)[0]
    return DataError(
        f"No row was searched: all {summary.rows} are rejected, {number} of them because: {reason}.",
        "Give rows of {prompt, response} that the model has room for.",
    )


def _go_on(error: EngineError, job: RefineJob, summary: Summary) -> str:
    return f"{error.fix} {job.out} keeps its {_rows(summary.rows)}: run the command again to resume.".strip()


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
