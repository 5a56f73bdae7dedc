"""The tasks of the evaluation service."""

from typing import Any

from services.evaluation.benchmarks import measure_benchmark
from services.evaluation.general import measure_task
from services.evaluation.judge_audit import audit_judging
from spar.errors import AccountingError
from spar.evaluation.suites import SuiteResult, audit_pairs, run_suite
from spar.messages.evaluation import TASK, BenchmarkSpec, Evaluate, EvaluationSpec, GeneralSpec, JudgeAuditSpec
from spar.method.records import Example, Pair, Prompt
from spar.runtime.app import task
from spar.runtime.forms import read_templates
from spar.runtime.steps import StepOutput, read_rows, run_step
from spar.runtime.worker import Worker, current


@task(TASK)
def evaluate(message: dict[str, Any]) -> None:
    command, worker = Evaluate.model_validate(message), current()
    run_step(worker, command, lambda: evaluate_part(worker, command))


async def evaluate_part(worker: Worker, command: Evaluate) -> StepOutput:
    """Measure one model, or audit an iteration's pairs. Rows: every item with its check, or a benchmark's report."""
    if isinstance(command.spec, BenchmarkSpec):
        return await measure_benchmark(worker, command, command.spec)
    if isinstance(command.spec, GeneralSpec):
        return await measure_task(worker, command, command.spec)
    if isinstance(command.spec, JudgeAuditSpec):
        return await audit_judging(worker, command, command.spec)
    result = await _measure(worker, command, command.spec)
    return StepOutput(result.rows, result.usage, result.summary)


async def _measure(worker: Worker, command: Evaluate, spec: EvaluationSpec) -> SuiteResult:
    if spec.part == "pairs":
        if spec.pairs is None:
            raise AccountingError("An evaluation of pairs names no pairs.")
        if spec.rows == "examples":
            examples = await read_rows(worker.store, spec.pairs, Example)
            return audit_pairs([_as_pair(example) for example in examples], spec.evaluation.suite)
        return audit_pairs(await read_rows(worker.store, spec.pairs, Pair), spec.evaluation.suite)
    if spec.model is None:
        raise AccountingError(f"An evaluation of the {spec.part} names no model.")
    templates = await read_templates(worker, spec.templates)
    chat = await worker.chat(command.engine, spec.model)
    return await run_suite(spec.part, chat, spec.evaluation, templates, spec.seed)


def _as_pair(example: Example) -> Pair:
    """A prompt and the response to learn; there is none to avoid."""
    prompt, response = example.messages
    return Pair(prompt=Prompt.of(prompt.content), chosen=response.content, rejected="")
