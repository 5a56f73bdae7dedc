"""`spar refine`: refines rows of {prompt, response} by tree search, with a server or a model's directory.

The search is that of the refinement workers (`spar.roles.refiner`); no stack is needed.
"""

import asyncio
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spar.cli.console import err, out
from spar.cli.engine_options import BodyOption, HeaderOption, body_of, headers_of
from spar.cli.options import options_of, require_other_file
from spar.cli.refine_progress import shown_progress
from spar.engines.registry import make_engine
from spar.inference.batch.rows import count_rows
from spar.inference.batch.run import failed_rows, nothing_searched, search_file
from spar.inference.batch.settings import RefineJob, engine_and_model, templates_named, with_profile
from spar.inference.endpoints import RequestOptions
from spar.method.defaults import BRANCH, DEPTH, KEEP, REFINEMENT_TOKENS, REPLY_TOKENS, VOTES
from spar.method.policies import PolicyName
from spar.recipes.models import JudgmentSettings, SearchSettings


class ProfileName(StrEnum):
    FIXED = "fixed"
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class RefineOptions:
    """The command's options; `job` interprets them."""

    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="JSON Lines of {prompt, response}.", show_default=False)
    ]
    engine: Annotated[
        str,
        typer.Option(help="Base URL of an OpenAI-compatible server, or a model's directory.", show_default=False),
    ]
    output: Annotated[
        Path, typer.Option("--out", help="JSON Lines, one per row; extended if it exists.", show_default=False)
    ]
    model: Annotated[
        str | None, typer.Option(help="The model's name at the server; optional if it serves only one.")
    ] = None
    policy: Annotated[PolicyName, typer.Option(help="Search policy.")] = "bfs"
    profile: Annotated[ProfileName, typer.Option(help="paper: the paper's outcome rules.")] = ProfileName.FIXED
    templates: Annotated[str, typer.Option(help="spar, compact, or a folder.")] = "spar"
    branch: Annotated[int | None, typer.Option(min=1, help=f"Refinements per node ({BRANCH}).")] = None
    keep: Annotated[int | None, typer.Option(min=1, help=f"Nodes kept per level ({KEEP}).")] = None
    depth: Annotated[int | None, typer.Option(min=1, help=f"Levels ({DEPTH}).")] = None
    votes: Annotated[int | None, typer.Option(min=1, help=f"Votes per judgment ({VOTES}).")] = None
    quorum: Annotated[int | None, typer.Option(min=1, help="Readable votes required for a judgment.")] = None
    judge_tokens: Annotated[int | None, typer.Option(min=1, help=f"Token limit of a vote ({REPLY_TOKENS}).")] = None
    refine_tokens: Annotated[
        int | None, typer.Option(min=1, help=f"Token limit of a refinement ({REFINEMENT_TOKENS}).")
    ] = None
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="Temperature of votes and refinements.")] = (
        None
    )
    seed: Annotated[int, typer.Option(min=0, help="Sampling seed.")] = 0
    send_seed: Annotated[bool, typer.Option(help="Send seeds to the server.")] = True
    body: BodyOption = None
    header: HeaderOption = None
    window: Annotated[int, typer.Option(min=1, help="Requests in flight; in-process, sequences.")] = 512
    deadline: Annotated[float, typer.Option(min=0.001, help="Timeout of one call, in seconds.")] = 600.0
    trees: Annotated[int, typer.Option(min=1, help="Trees searched at once.")] = 512
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False

    def job(self) -> RefineJob:
        """Raises RecipeError for options that cannot be run."""
        require_other_file(self.output, self.source)
        how = RequestOptions(self.window, self.deadline, self.send_seed, body_of(self.body), headers_of(self.header))
        engine, model = engine_and_model(self.engine, self.model, how)
        judgment, search = self._settings()
        templates = templates_named(self.templates)
        return RefineJob(
            input=self.source,
            out=self.output,
            engine=engine,
            model=model,
            templates=templates,
            judgment=judgment,
            search=search,
            seed=self.seed,
            trees=self.trees,
        )

    def _settings(self) -> tuple[JudgmentSettings, SearchSettings]:
        greedy = self.policy == "greedy" and self.temperature is None
        votes = {"votes": self.votes, "quorum": self.quorum, "max_tokens": self.judge_tokens}
        size = {"branch": self.branch, "keep": self.keep, "depth": self.depth, "max_tokens": self.refine_tokens}
        return with_profile(
            self.profile.value,
            {**votes, "temperature": self.temperature},
            {"policy": self.policy, **size, "temperature": 0.0 if greedy else self.temperature},
        )


@options_of(RefineOptions)
def refine(options: RefineOptions) -> None:
    """Refine rows of {prompt, response} by tree search; each tree is written as it finishes.

    Rerun the command to resume; this retries failed rows, too. Exit codes: 2 bad input or settings, or no row could
    be searched; 3 engine or disk failed.
    """
    job = options.job()
    total = count_rows(job.input)
    with shown_progress(err, total) as show:
        summary = asyncio.run(search_file(job, make_engine(job.engine), show))
    if options.as_json:
        out.print_json(json.dumps(summary.as_json()))
    else:
        for line in summary.lines():
            out.print(line, markup=False, soft_wrap=True)
    if summary.failed:
        raise failed_rows(summary, job)
    if (nothing := nothing_searched(summary, job)) is not None:
        raise nothing
