"""The general benchmarks of lm-evaluation-harness as named in a recipe, and invalid settings.

Knows nothing of how lm-eval is started.
"""

from collections.abc import Iterator, Mapping

from spar.recipes.models import EvaluationPlan, GeneralSettings, Recipe
from spar.recipes.problems import Problem

GENERAL = "general"
KEYS = ("evaluation", "benchmarks", GENERAL)
LM_EVAL_NAMES: Mapping[str, str] = {
    "gsm8k": "gsm8k",
    "triviaqa": "triviaqa",
    "mmlu": "mmlu",
    "humaneval": "humaneval_instruct",
}
"""lm-eval's names by ours, which are those of the paper's Table 7."""
RUNS_CODE = frozenset({"humaneval"})
BY_LIKELIHOOD_HERE = frozenset({"mmlu"})
"""Scored by the likelihood of each choice: a server must give log-probabilities of its prompt (vLLM does)."""
ENGINES = ("transformers", "vllm", "openai")


def general_of(plan: EvaluationPlan | None) -> GeneralSettings | None:
    return plan.benchmarks.general if plan is not None and plan.benchmarks is not None else None


def general_parts(settings: GeneralSettings) -> dict[str, str]:
    """The tasks by the names of their measurements: each is a separate step."""
    return {f"{GENERAL}:{task}": task for task in settings.tasks}


def task_of(part: str) -> str | None:
    """The task of a measurement's name; None if it is not a general benchmark's."""
    name, _, task = part.partition(":")
    return task if name == GENERAL and task else None


def check_general(recipe: Recipe) -> Iterator[Problem]:
    """Problems of a recipe's general benchmarks: unknown or mixed tasks, code that may not run, unsuitable engines."""
    settings = general_of(recipe.evaluation)
    if settings is None:
        return
    if len(set(settings.tasks)) < len(settings.tasks):
        yield Problem(keys=(*KEYS, "tasks"), what="names a task twice", fix="Name each once.")
    unknown = [task for task in settings.tasks if task not in LM_EVAL_NAMES]
    if unknown and settings.data is None:
        fix = f"Choose from {', '.join(LM_EVAL_NAMES)}, or name the folder of your own lm-eval tasks as {GENERAL}.data."
        yield Problem(keys=(*KEYS, "tasks"), what=f"has {unknown[0]!r}, which is not a known task", fix=fix)
    if unknown and len(unknown) < len(settings.tasks):
        fix = "Measure one kind in the run, and the other with `spar eval general`."
        yield Problem(keys=(*KEYS, "tasks"), what="mixes known tasks with your own", fix=fix)
    if not settings.run_code and (unknown or RUNS_CODE & set(settings.tasks)):
        what = "executes code that models write" if not unknown else "executes code in your task files"
        yield Problem(
            keys=(*KEYS, "run_code"),
            what=f"is false, but {settings.tasks[0] if unknown else 'humaneval'} {what}",
            fix="Set it to true to allow that, or leave the task out.",
        )
    yield from _engine_problems(recipe)


def _engine_problems(recipe: Recipe) -> Iterator[Problem]:
    """lm-eval calls a server (or the worker's own vLLM) by its address, or loads the model itself."""
    engine = recipe.engine
    if engine.url is None and engine.kind not in ENGINES:
        what = f"is {engine.kind}, whose models lm-eval can neither load nor call"
        fix = "Use transformers or vllm, or set engine.url; or measure each model with `spar eval general`."
        yield Problem(keys=("engine", "kind"), what=what, fix=fix)
    if engine.url is not None and (engine.body or engine.headers):
        what = "is not sent with lm-eval's requests, which evaluation.benchmarks.general uses"
        yield Problem(keys=("engine", "body" if engine.body else "headers"), what=what, fix="Leave one of the two out.")
