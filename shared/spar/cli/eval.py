"""`spar eval`: measure a model on a benchmark, or score responses that are there already, or compare two results."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spar.benchmark_registry import BENCHMARKS, benchmark
from spar.cli.console import out, print_warning
from spar.cli.engine_options import BodyOption, HeaderOption, body_of, headers_of
from spar.cli.eval_output import difference_json, points, print_result
from spar.cli.options import options_of
from spar.errors import DataError, RecipeError
from spar.evaluation.benchmarks.report import BenchmarkReport, compare, item_json
from spar.evaluation.statistics import Difference
from spar.inference.endpoints import Role
from spar.method.defaults import FULL_TREE, REPLY_TOKENS
from spar.method.policies import StrategyName

NAMES = (*BENCHMARKS, "general")
ROWS = "; ".join(f"{name}: {{{each.row}}}" for name, each in BENCHMARKS.items())
WITH_VOTES = ", ".join(name for name, each in BENCHMARKS.items() if "votes" in each.settings)
BY_POLICY = ", ".join(name for name, each in BENCHMARKS.items() if each.by_policy)
MODEL = "URL[#NAME] of an OpenAI-compatible server, a model's directory, builtin:NAME or hub:ID@REVISION."


class DtypeName(StrEnum):
    FLOAT64 = "float64"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True)
class EvalOptions:
    """What the command line says."""

    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}; or compare.", metavar="NAME")]
    results: Annotated[list[Path] | None, typer.Argument(help="With compare: two results.", metavar="[A B]")] = None
    model: Annotated[str | None, typer.Option(help=f"What is measured: {MODEL}")] = None
    refiner: Annotated[str | None, typer.Option(help="Who searches refinements; story: measured too.")] = None
    judge: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]PLACE",
            help="Judges from outside: followbench; refinement takes several, a score acc_NAME for each.",
        ),
    ] = None
    strategy: Annotated[
        StrategyName | None,
        typer.Option(help="The search at inference, with --refiner; refinement: from the given responses."),
    ] = None
    budget: Annotated[int | None, typer.Option(min=1, help=f"Refinements that the search may take ({FULL_TREE}).")] = (
        None
    )
    answers: Annotated[Path | None, typer.Option(help=f"Score these rows, and ask no model. {ROWS}.")] = None
    data: Annotated[Path | None, typer.Option(help="The benchmark's file or folder; general: or your own tasks'.")] = (
        None
    )
    limit: Annotated[int | None, typer.Option(min=1, help="Ask only the first items.")] = None
    votes: Annotated[int | None, typer.Option(min=1, help=f"Votes per verdict (1, greedy): {WITH_VOTES}.")] = None
    max_tokens: Annotated[int | None, typer.Option(min=1, help=f"Longest response ({REPLY_TOKENS}).")] = None
    judge_tokens: Annotated[int | None, typer.Option(min=1, help=f"Longest vote ({REPLY_TOKENS}).")] = None
    policy: Annotated[
        str | None, typer.Option(help=f"{BY_POLICY}: how the judge judges: verdict, rubric (0 to 5), rating (1 to 5).")
    ] = None
    templates: Annotated[str | None, typer.Option(help="spar, compact or a folder: how verdicts are requested.")] = None
    seed: Annotated[int, typer.Option(min=0, help="Of every draw.")] = 0
    dtype: Annotated[DtypeName, typer.Option(help="Of a model in this process.")] = DtypeName.FLOAT32
    window: Annotated[int, typer.Option(min=1, help="Requests in flight; in this process, sequences.")] = 32
    deadline: Annotated[float, typer.Option(min=0.001, help="Seconds that one call may take.")] = 600.0
    send_seed: Annotated[bool, typer.Option(help="Whether a server is sent seeds.")] = True
    body: BodyOption = None
    header: HeaderOption = None
    to: Annotated[Path, typer.Option("--out", help="Where results and what models said are kept.")] = Path("evals")
    against: Annotated[Path | None, typer.Option(help="Rows of another model, compared with --answers.")] = None
    items: Annotated[Path | None, typer.Option(help="Write every scored item here, as JSON lines.")] = None
    partial: Annotated[bool, typer.Option("--partial", help="Score the --answers there are, though not all.")] = False
    tasks: Annotated[str | None, typer.Option(help="general: the tasks, by commas.")] = None
    run_code: Annotated[
        bool, typer.Option("--run-code", help="general: let humaneval run what models write, confined.")
    ] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="general: print the call of lm-eval, run nothing.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False


@options_of(EvalOptions)
def evaluate(given: EvalOptions) -> None:
    """Measure a model on a benchmark, or score responses that are there already, or compare two results.

    An evaluation that stopped goes on with the same command. Exit codes: 2 bad input, 3 engine or disk failed.
    """
    if given.name == "compare":
        _compare(given.results or [], given.as_json)
    elif given.name not in NAMES:
        raise DataError(f"There is no benchmark '{given.name}'.", f"Choose one of: {', '.join(NAMES)}.")
    elif given.name == "general":
        _general(given)
    elif given.answers is None:
        _ask(given)
    elif given.model is None:
        _score(given.name, given.answers, given.data, given.against, given.items, given.partial, given.as_json)
    else:
        raise RecipeError("Both --answers and --model are given.", "Score what is there, or ask a model.")


def _general(given: EvalOptions) -> None:
    from spar.cli.evaluating.general import GeneralJob, measure_general

    if given.body is not None or given.header:
        raise RecipeError(
            "lm-eval sends requests of its own: --body and --header mean nothing to general.", "Leave them out."
        )
    asked = {
        "limit": given.limit,
        "max_tokens": given.max_tokens,
        "seed": given.seed,
        "window": given.window,
        "dtype": given.dtype.value,
    }
    job = GeneralJob.of(given.model, given.tasks, given.data, given.to, asked, given.run_code)
    measure_general(job, given.dry_run, given.as_json)


def _ask(given: EvalOptions) -> None:
    from spar.cli.evaluating.judges import read_judges
    from spar.cli.evaluating.watching import watch_calls
    from spar.experiments.benchmarks.evaluate import evaluate_model
    from spar.experiments.benchmarks.job import EngineOptions, make_job

    if given.model is None:
        raise RecipeError("Nothing to measure is named.", "Name a --model, or rows that are there as --answers.")
    judges = read_judges(given.judge or [])
    places: dict[Role, str | None] = {"actor": given.model, "refiner": given.refiner, "judge": judges.first}
    asked = {
        "limit": given.limit,
        "votes": given.votes,
        "max_tokens": given.max_tokens,
        "judge_tokens": given.judge_tokens,
        "strategy": given.strategy,
        "budget": given.budget,
    }
    engine = EngineOptions(
        dtype=given.dtype.value,
        window=given.window,
        deadline_s=given.deadline,
        send_seed=given.send_seed,
        body=body_of(given.body),
        headers=headers_of(given.header),
    )
    how = {
        "engine": engine,
        "templates": given.templates,
        "seed": given.seed,
        "out": given.to,
        "raters": judges.named,
        "policy": given.policy,
    }
    result = evaluate_model(make_job(given.name, given.data, places, asked, how), watch_calls)
    if given.as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    print_result(result)
    usage = result["usage"]
    if adjustments := usage.get("adjustments"):
        replies = ", ".join(f"{name} {number}" for name, number in adjustments.items())
        print_warning(f"replies to requests that were adapted to the server: {replies}")
    out.print(
        f"{usage['asked']} calls asked, {usage['remembered']} known already, {usage['seconds']} s; {result['folder']}",
        soft_wrap=True,
        markup=False,
    )


def _score(
    name: str,
    answers: Path,
    data: Path | None,
    against: Path | None,
    items: Path | None,
    partial: bool,
    as_json: bool,
) -> None:
    from spar.evaluation.benchmarks.measuring import score_file
    from spar.experiments.benchmarks.job import data_of

    place = data_of(benchmark(name), data)
    report = score_file(name, answers, place, partial)
    difference = None if against is None else compare(score_file(name, against, place, partial), report)
    if items is not None:
        _write_items(items, report)
    result = report.as_json()
    if as_json:
        compared = {} if difference is None else {"against": difference_json(difference)}
        typer.echo(json.dumps(result | compared, ensure_ascii=False))
        return
    print_result(result)
    if difference is not None:
        out.print(f"against {against}: {points(difference)} points of correct items", soft_wrap=True, markup=False)


def _compare(results: list[Path], as_json: bool) -> None:
    from spar.evaluation.benchmarks.report import compare_items
    from spar.experiments.benchmarks.results import read_correct

    if len(results) != 2:
        raise DataError(f"compare takes two results, and {len(results)} are named.", "Name two folders of evaluations.")
    before, after = (read_correct(place) for place in results)
    difference: Difference = compare_items(before, after)
    right = [sum(each.values()) for each in (before, after)]
    if as_json:
        told = {"items": len(before), "correct": right, "difference": difference_json(difference)}
        typer.echo(json.dumps(told))
        return
    for place, correct in zip(results, right, strict=True):
        out.print(f"{place}: {correct} of {len(before)} items correct", soft_wrap=True, markup=False)
    out.print(f"second less first, paired: {points(difference)} points", soft_wrap=True, markup=False)


def _write_items(path: Path, report: BenchmarkReport) -> None:
    with path.open("w", encoding="utf-8") as file:
        for item in report.items:
            file.write(json.dumps(item_json(item), ensure_ascii=False) + "\n")
