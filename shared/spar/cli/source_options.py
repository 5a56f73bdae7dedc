"""The options of commands that read prompts from sources: what the sources are, and where in a row the prompt is."""

from typing import Annotated, Literal

import typer

FormatName = Literal["auto", "jsonl", "parquet", "csv", "hf", "sharegpt", "alpaca", "messages"]

Sources = Annotated[
    list[str], typer.Argument(metavar="SOURCE...", help="Files, saved datasets, or (hf) a hub's names.")
]
Format = Annotated[FormatName, typer.Option("--format", help="What the sources are, or how their rows are laid out.")]
Field = Annotated[str | None, typer.Option("--field", help="The key of the prompt. [default: by the row's keys]")]
Encoding = Annotated[str, typer.Option("--encoding", help="The encoding of text files.")]
Split = Annotated[str, typer.Option("--split", help="The split of datasets.")]
System = Annotated[
    Literal["reject", "ignore", "prepend"],
    typer.Option("--system", help="What to do with a row that has a system message."),
]
Tools = Annotated[
    Literal["reject", "ignore"],
    typer.Option("--tools", help="What to do with a row that has tools: reject it, or ignore them."),
]
