"""The prompts that a recipe's evaluations ask: a model that writes prompts must not teach them.

Exact texts only; near ones are `spar prompts import --decontaminate`'s, which knows its prompts before the run.
"""

from spar.data.evaluation_sets import evaluation_files, evaluation_prompts
from spar.evaluation.suites import prompts_of_suite
from spar.method.records import Prompt
from spar.recipes.benchmarks import data_keys, planned
from spar.recipes.models import EvaluationPlan
from spar.recipes.paths import names_a_file


def measured_prompts(evaluation: EvaluationPlan) -> list[Prompt]:
    """Those of the suite, then those in the benchmarks' files, each once. Raises DataError for a row without one."""
    files = [
        settings.data for name, settings in planned(evaluation).items() if names_a_file(data_keys(name), settings.data)
    ]
    written = (text for _, text in evaluation_prompts(evaluation_files(tuple(files))))
    return [Prompt.of(text) for text in dict.fromkeys([*prompts_of_suite(evaluation), *written])]
