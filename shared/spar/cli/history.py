"""What `spar tree` and `spar explain` share: their arguments, and reading a run's prompts from a home or the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

import typer

from spar.cli.client import Api, connect
from spar.commands import command, in_directory
from spar.embedded.homes import find_run, reading
from spar.method.records import Outcome
from spar.report.history import HistoryReader, PromptEntry, PromptHistory
from spar.store.directory import DirectoryStore

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run id or its start, or a run directory.")]
PromptArgument = Annotated[str, typer.Argument(metavar="PROMPT", help="A prompt's id or its start, or its text.")]
DirOption = Annotated[Path | None, typer.Option("--dir", metavar="DIR", help="The directory of the run.")]
FullOption = Annotated[bool, typer.Option("--full", help="Show every text in full; by default long ones are cut.")]


class Histories(Protocol):
    """A run's prompts, in a home or at the API. Raises DataError for what the run does not have."""

    def entries(self, outcome: Outcome | None, iteration: int | None) -> Iterator[PromptEntry]: ...

    def history(self, entry: PromptEntry) -> PromptHistory: ...

    def find(self, prompt: str) -> list[PromptHistory]:
        """The prompt in each iteration that has it, by (the start of) its id, or its text."""
        ...


@contextmanager
def open_histories(run: str, directory: Path | None, api: str | None) -> Iterator[Histories]:
    if api and directory is None and not Path(run).is_dir():
        with connect(api) as server:
            yield _Served(server, server.find(run))
        return
    found = find_run(run, directory)
    listing = command("explain", found.run_id, *in_directory(found.home.root))
    with reading(found.home) as session:
        yield HistoryReader(session, DirectoryStore(found.home.store), found.run_id, listing)


@dataclass(frozen=True, slots=True)
class _Served:
    server: Api
    run_id: str

    def entries(self, outcome: Outcome | None, iteration: int | None) -> Iterator[PromptEntry]:
        return self.server.prompts(self.run_id, outcome, iteration)

    def history(self, entry: PromptEntry) -> PromptHistory:
        [history] = [each for each in self.find(entry.prompt.id) if each.place == entry.place]
        return history

    def find(self, prompt: str) -> list[PromptHistory]:
        return self.server.histories(self.run_id, prompt)
