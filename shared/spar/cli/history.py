"""What `spar tree` and `spar explain` share: their arguments, and finding the prompt."""

from pathlib import Path
from typing import Annotated

import typer

from spar.cli.homes import find_run, reading
from spar.report.history import PromptHistory, prompt_histories
from spar.store.directory import DirectoryStore

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run id or its start, or a run directory.")]
PromptArgument = Annotated[str, typer.Argument(metavar="PROMPT", help="A prompt's id or its start, or its text.")]
DirOption = Annotated[Path | None, typer.Option("--dir", metavar="DIR", help="The directory of the run.")]


def histories(run: str, prompt: str, directory: Path | None) -> list[PromptHistory]:
    found = find_run(run, directory)
    with reading(found.home) as session:
        return prompt_histories(session, DirectoryStore(found.home.store), found.run_id, prompt)
