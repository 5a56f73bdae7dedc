"""Options of commands that read prompts from sources: what the sources are, and where in a row the prompt is."""

from typing import Annotated, Literal

import typer

FormatName = Literal["auto", "jsonl", "parquet", "csv", "hf", "sharegpt", "alpaca", "messages"]

Sources = Annotated[
    list[str], typer.Argument(metavar="SOURCE...", help="Files, saved datasets, or (hf) names on the hub.")
]
Format = Annotated[FormatName, typer.Option("--format", help="Format of the sources, or layout of their rows.")]
Field = Annotated[
    str | None, typer.Option("--field", help="Key of the prompt. [default: inferred from the row's keys]")
]
Encoding = Annotated[str, typer.Option("--encoding", help="Encoding of text files.")]
Split = Annotated[str, typer.Option("--split", help="Split of datasets.")]
System = Annotated[
    Literal["reject", "ignore", "prepend"],
    typer.Option("--system", help="Handling of rows with a system message."),
]
Tools = Annotated[
    Literal["reject", "ignore"],
    typer.Option("--tools", help="Handling of rows with tools: reject the row, or ignore the tools."),
]
