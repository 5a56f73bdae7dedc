"""The prompts that a recipe's evaluations ask: a model that writes prompts must not teach them.

Exact texts only; near ones are `spar prompts import --decontaminate`'s, which knows its prompts before the run.
"""

from pathlib import Path

from spar.data.evaluation_sets import evaluation_files, evaluation_prompts
from spar.evaluation.general_sets import files_for_run, questions_in
from spar.evaluation.suites import prompts_of_suite
from spar.method.records import Prompt
from spar.recipes.benchmarks import data_keys, planned
from spar.recipes.general import GENERAL, general_of
from spar.recipes.models import EvaluationPlan
from spar.recipes.paths import names_a_file


def measured_prompts(evaluation: EvaluationPlan) -> list[Prompt]:
    """Those of the suite, then those in the benchmarks' files, each once. Raises DataError for a row without one."""
    files = [
        settings.data for name, settings in planned(evaluation).items() if names_a_file(data_keys(name), settings.data)
    ]
    written = (text for _, text in evaluation_prompts(evaluation_files(tuple(files))))
    texts = [*prompts_of_suite(evaluation), *written, *_general_questions(evaluation)]
    return [Prompt.of(text) for text in dict.fromkeys(texts)]


def _general_questions(evaluation: EvaluationPlan) -> list[str]:
    """Those of the files that lm-eval is given; what it fetches itself is not known here."""
    settings = general_of(evaluation)
    if settings is None or settings.data is None or not names_a_file(data_keys(GENERAL), settings.data):
        return []
    return questions_in(files_for_run(settings.tasks, Path(settings.data)))
