"""`spar eval`: evaluates a model on a benchmark, scores existing responses, or compares two results."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spar.benchmark_registry import BENCHMARKS, benchmark
from spar.cli.console import out, print_warning
from spar.cli.engine_options import BodyOption, HeaderOption, body_of, headers_of, read_judges
from spar.cli.eval_output import difference_json, points, print_result, watch_calls
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
    """The command's options."""

    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}; or compare.", metavar="NAME")]
    results: Annotated[list[Path] | None, typer.Argument(help="With compare: two results.", metavar="[A B]")] = None
    model: Annotated[str | None, typer.Option(help=f"The model to evaluate: {MODEL}")] = None
    refiner: Annotated[str | None, typer.Option(help="The model that searches refinements; story measures it too.")] = (
        None
    )
    judge: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]PLACE",
            help="Outside judge of followbench or refinement; repeatable for refinement, one score acc_NAME each.",
        ),
    ] = None
    strategy: Annotated[
        StrategyName | None,
        typer.Option(help="The search at inference, with --refiner; refinement: from the given responses."),
    ] = None
    budget: Annotated[int | None, typer.Option(min=1, help=f"Refinements per search, at most ({FULL_TREE}).")] = None
    answers: Annotated[Path | None, typer.Option(help=f"Score these rows instead of calling a model. {ROWS}.")] = None
    data: Annotated[
        Path | None, typer.Option(help="The benchmark's file or folder; general: also a folder of your own tasks.")
    ] = None
    limit: Annotated[int | None, typer.Option(min=1, help="Evaluate only the first N items.")] = None
    votes: Annotated[int | None, typer.Option(min=1, help=f"Votes per verdict (1, greedy): {WITH_VOTES}.")] = None
    max_tokens: Annotated[int | None, typer.Option(min=1, help=f"Token limit of a response ({REPLY_TOKENS}).")] = None
    judge_tokens: Annotated[int | None, typer.Option(min=1, help=f"Token limit of a vote ({REPLY_TOKENS}).")] = None
    policy: Annotated[
        str | None, typer.Option(help=f"{BY_POLICY}: the judge's policy: verdict, rubric (0 to 5) or rating (1 to 5).")
    ] = None
    templates: Annotated[str | None, typer.Option(help="Templates of judgments: spar, compact, or a folder.")] = None
    seed: Annotated[int, typer.Option(min=0, help="Sampling seed.")] = 0
    dtype: Annotated[DtypeName, typer.Option(help="Dtype of a model in this process.")] = DtypeName.FLOAT32
    window: Annotated[int, typer.Option(min=1, help="Requests in flight; in-process, sequences.")] = 32
    deadline: Annotated[float, typer.Option(min=0.001, help="Timeout of one call, in seconds.")] = 600.0
    send_seed: Annotated[bool, typer.Option(help="Send seeds to the server.")] = True
    body: BodyOption = None
    header: HeaderOption = None
    to: Annotated[Path, typer.Option("--out", help="Directory of results and model replies.")] = Path("evals")
    against: Annotated[Path | None, typer.Option(help="Another model's rows, to compare with --answers.")] = None
    items: Annotated[Path | None, typer.Option(help="Write every scored item to this JSON Lines file.")] = None
    partial: Annotated[bool, typer.Option("--partial", help="Score --answers even if items are missing.")] = False
    tasks: Annotated[str | None, typer.Option(help="general: comma-separated tasks.")] = None
    run_code: Annotated[
        bool, typer.Option("--run-code", help="general: let humaneval execute model-written code, sandboxed.")
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="general: print the lm-eval command without running it.")
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False


@options_of(EvalOptions)
def evaluate(given: EvalOptions) -> None:
    """Evaluate a model on a benchmark, score existing responses, or compare two results.

    Rerun the command to resume. Exit codes: 2 bad input, 3 engine or disk failed.
    """
    if given.name == "compare":
        _compare(given.results or [], given.as_json)
    elif given.name not in NAMES:
        raise DataError(f"Unknown benchmark '{given.name}'.", f"Choose one of: {', '.join(NAMES)}.")
    elif given.name == "general":
        _general(given)
    elif given.answers is None:
        _evaluate(given)
    elif given.model is None:
        _score(given.name, given.answers, given.data, given.against, given.items, given.partial, given.as_json)
    else:
        raise RecipeError("Both --answers and --model are given.", "Give one of them.")


def _general(given: EvalOptions) -> None:
    from spar.cli.eval_general import GeneralJob, measure_general

    if given.body is not None or given.header:
        raise RecipeError("lm-eval sends its own requests: general takes no --body and no --header.", "Leave them out.")
    settings = {
        "limit": given.limit,
        "max_tokens": given.max_tokens,
        "seed": given.seed,
        "window": given.window,
        "dtype": given.dtype.value,
    }
    job = GeneralJob.of(given.model, given.tasks, given.data, given.to, settings, given.run_code)
    measure_general(job, given.dry_run, given.as_json)


def _evaluate(given: EvalOptions) -> None:
    from spar.experiments.benchmarks.evaluate import evaluate_model
    from spar.experiments.benchmarks.job import EngineOptions, make_job

    if given.model is None:
        raise RecipeError("No model is named.", "Name a --model, or existing responses as --answers.")
    judges = read_judges(given.judge or [])
    places: dict[Role, str | None] = {"actor": given.model, "refiner": given.refiner, "judge": judges.first}
    settings = {
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
    result = evaluate_model(make_job(given.name, given.data, places, settings, how), watch_calls)
    if given.as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    print_result(result)
    usage = result["usage"]
    if adjustments := usage.get("adjustments"):
        replies = ", ".join(f"{name} {number}" for name, number in adjustments.items())
        print_warning(f"replies to requests that were adapted to the server: {replies}")
    out.print(
        f"{usage['asked']} calls, {usage['remembered']} from an earlier run, {usage['seconds']} s; {result['folder']}",
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
        raise DataError(f"compare takes two results, not {len(results)}.", "Name two result folders of `spar eval`.")
    before, after = (read_correct(place) for place in results)
    difference: Difference = compare_items(before, after)
    right = [sum(each.values()) for each in (before, after)]
    if as_json:
        compared = {"items": len(before), "correct": right, "difference": difference_json(difference)}
        typer.echo(json.dumps(compared))
        return
    for place, correct in zip(results, right, strict=True):
        out.print(f"{place}: {correct} of {len(before)} items correct", soft_wrap=True, markup=False)
    out.print(f"second minus first, paired: {points(difference)} points", soft_wrap=True, markup=False)


def _write_items(path: Path, report: BenchmarkReport) -> None:
    with path.open("w", encoding="utf-8") as file:
        for item in report.items:
            file.write(json.dumps(item_json(item), ensure_ascii=False) + "\n")
