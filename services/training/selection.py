"""Selection: an iteration's shards become rows for the actor, examples for the refiner, and one outcome per prompt.

Loads, applies the recipe's policy, measures lengths with the trainers' own tokenisation, stores. Which text makes a
pair or an example, `spar.method` decides.
"""

import asyncio
from collections.abc import Sequence, Set
from dataclasses import dataclass

from services.training.guarding import guard_figures
from spar.errors import AccountingError
from spar.messages.base import ModelRef
from spar.messages.counts import SelectionCounts
from spar.messages.training import (
    LengthLimit,
    PromptEnd,
    Select,
    Selected,
    SelectionSpec,
    ShardComparisons,
    ShardResults,
)
from spar.method.examples import JudgePrompting
from spar.method.guards import TrainingRows
from spar.method.meta_judging import ComparedPrompt, JudgePairs, make_judge_pairs
from spar.method.outcomes import count_outcomes
from spar.method.pairs import mark_contaminated, mark_duplicates
from spar.method.records import Example, JudgedPrompt, Message, Outcome, Pair, Prompt, Tree
from spar.method.refiner_data import RefinerDataRules, select_refiner_examples
from spar.method.seeds import derive_seed
from spar.method.selecting import Choice, Material
from spar.method.templates import TemplateSet
from spar.recipes.policies import judging_policy, selection_options, selection_policy
from spar.roles.refiner import judge_messages
from spar.roles.usage import NEGATIVE, SeedScope
from spar.runtime.forms import read_form, read_templates
from spar.runtime.models import model_folder
from spar.runtime.steps import StepOutput, put_rows, read_rows
from spar.runtime.worker import Worker
from spar.training.registry import make_trainer


@dataclass(frozen=True, slots=True)
class IterationRows:
    """All prompts in order, with their judgments and trees by position; None where one is missing."""

    prompts: tuple[Prompt, ...]
    judged: tuple[JudgedPrompt | None, ...]
    trees: dict[int, Tree]


async def select_data(worker: Worker, command: Select) -> StepOutput:
    """Decide every prompt's outcome, and write the pairs and examples that the iteration's trainings read."""
    spec = command.spec
    data = await _load(worker, spec)
    templates = await read_templates(worker, spec.templates)
    ends = [_end_of(data, position, spec) for position in range(len(data.prompts))]
    measured = await _measured(worker, spec)
    ends = mark_duplicates(mark_contaminated(ends, measured))
    ends = await _mark_too_long(worker, spec, ends)
    ends = _mark_over_cap(ends, spec)
    pairs = [end for end in ends if isinstance(end, Pair)]
    actor_examples = [end for end in ends if isinstance(end, Example)]
    outcomes = [_outcome(end) for end in ends]
    counted = count_outcomes(outcomes, len(data.prompts))
    examples, example_counts = await _examples(worker, spec, data, measured, templates)
    judging, judging_counts = await _judge_pairs(worker, spec, templates)
    rows = [
        PromptEnd(prompt_id=prompt.id, outcome=outcome) for prompt, outcome in zip(data.prompts, outcomes, strict=True)
    ]
    selected = Selected(
        pairs_key=put_rows(worker.store, "pairs", "pairs", pairs),
        pairs=len(pairs),
        examples_key=put_rows(worker.store, "examples", "examples", examples),
        examples=len(examples),
        outcomes_key=put_rows(worker.store, "outcomes", "outcomes", rows),
        actor_examples_key=put_rows(worker.store, "examples", "examples", actor_examples) if actor_examples else None,
        actor_examples=len(actor_examples),
        judge_pairs_key=put_rows(worker.store, "pairs", "pairs", judging) if judging else None,
        judge_pairs=len(judging),
    )
    learned = TrainingRows(pairs=pairs, actor_examples=actor_examples, judge_pairs=judging, refiner_examples=examples)
    judged = [row for row in data.judged if row is not None]
    counts = example_counts.model_copy(
        update={
            "outcomes": {outcome.value: number for outcome, number in counted.items()},
            "judge_pairs": judging_counts,
            "guards": await guard_figures(worker, spec, learned, judged, data.trees.values()),
        }
    )
    return StepOutput([selected], counts=counts)


def _outcome(end: Choice) -> Outcome:
    match end:
        case Pair():
            return Outcome.PAIR
        case Example():
            return Outcome.EXAMPLE
        case _:
            return end


async def _load(worker: Worker, spec: SelectionSpec) -> IterationRows:
    prompts: list[Prompt] = []
    judged: list[JudgedPrompt | None] = []
    trees: dict[int, Tree] = {}
    for shard in await read_rows(worker.store, spec.inputs, ShardResults):
        mine = await read_rows(worker.store, shard.prompts, Prompt)
        rows = await read_rows(worker.store, shard.judged, JudgedPrompt) if shard.judged else [None] * len(mine)
        if shard.trees:
            grown = {tree.prompt.id: tree for tree in await read_rows(worker.store, shard.trees, Tree)}
            trees |= {len(prompts) + i: grown[prompt.id] for i, prompt in enumerate(mine) if prompt.id in grown}
        prompts += mine
        judged += rows
    return IterationRows(tuple(prompts), tuple(judged), trees)


def _end_of(data: IterationRows, position: int, spec: SelectionSpec) -> Choice:
    """The prompt's row, or why there is none, before rows are compared with each other."""
    judged = data.judged[position]
    if judged is None:
        return Outcome.ENGINE_FAILED
    seed = SeedScope(seed=spec.seed, iteration=spec.iteration).derive(judged.prompt, NEGATIVE)
    material = Material(judged, data.trees.get(position), seed, selection_options(spec.selection))
    return selection_policy(spec.selection.pairs).choose(material)


async def _measured(worker: Worker, spec: SelectionSpec) -> frozenset[str]:
    rows = await read_rows(worker.store, spec.measured, Prompt) if spec.measured is not None else []
    return frozenset(prompt.id for prompt in rows)


async def _mark_too_long(worker: Worker, spec: SelectionSpec, ends: list[Choice]) -> list[Choice]:
    """The rows are all of one type: a policy makes pairs or examples."""
    pairs = [end for end in ends if isinstance(end, Pair)]
    examples = [end for end in ends if isinstance(end, Example)]
    fits = iter(await _fits(worker, spec.actor, spec.actor_limit, pairs or examples))
    return [Outcome.TOO_LONG if not isinstance(end, Outcome) and not next(fits) else end for end in ends]


def _mark_over_cap(ends: list[Choice], spec: SelectionSpec) -> list[Choice]:
    """The first rows are kept: prompts are in no meaningful order."""
    left = len(ends) if spec.selection.max_pairs is None else spec.selection.max_pairs
    marked: list[Choice] = []
    for end in ends:
        is_row = not isinstance(end, Outcome)
        over = is_row and left == 0
        left -= is_row and not over
        marked.append(Outcome.OVER_CAP if over else end)
    return marked


async def _judge_pairs(
    worker: Worker, spec: SelectionSpec, templates: TemplateSet
) -> tuple[list[Pair], dict[str, int]]:
    """Pairs of judgments that fit the training, and the outcome of each compared prompt."""
    made = await judge_pairs(worker, spec, templates)
    fits = await _fits(worker, spec.actor, spec.actor_limit, made.pairs)
    kept = [pair for pair, fit in zip(made.pairs, fits, strict=True) if fit]
    if not made.counts:
        return kept, {}
    return kept, {**made.counts, "pair": len(kept), "too_long": len(made.pairs) - len(kept)}


async def _examples(
    worker: Worker, spec: SelectionSpec, data: IterationRows, measured: Set[str], templates: TemplateSet
) -> tuple[list[Example], SelectionCounts]:
    """With their counts. Contaminated prompts yield no examples; they have their outcome."""
    if not spec.refiner_data:
        return [], SelectionCounts()
    rules = RefinerDataRules(**spec.selection.refiner.model_dump())
    judged = [row for row in data.judged if row is not None and row.prompt.id not in measured]
    trees = [tree for tree in data.trees.values() if tree.prompt.id not in measured]
    seed = derive_seed(spec.seed, spec.iteration, "", "refiner_data")
    selected = select_refiner_examples(trees, judged, rules, templates, seed, await _asking(worker, spec, templates))
    fits = await _fits(worker, spec.refiner, spec.refiner_limit, selected.examples)
    kept = [example for example, fit in zip(selected.examples, fits, strict=True) if fit]
    too_long = len(selected.examples) - len(kept)
    return kept, SelectionCounts(examples=selected.counts, examples_too_long=too_long, examples_used=len(kept))


async def _asking(worker: Worker, spec: SelectionSpec, templates: TemplateSet) -> JudgePrompting | None:
    """How responses were judged, where judgments are trained on in the form that they were prompted in."""
    if spec.judging is None or spec.judging.form is None or spec.judging.comparison is not None:
        return None
    policy, form = judging_policy(spec.judging.judgment.policy), await read_form(worker, spec.judging.form)
    return lambda prompt, response: judge_messages(policy, templates, form, prompt, response)


async def _fits(
    worker: Worker,
    base: ModelRef,
    limit: LengthLimit | None,
    rows: Sequence[Pair] | Sequence[Example],
) -> list[bool]:
    """Which samples are short enough to be trained on whole; all of them, where nothing is trained."""
    if not rows or limit is None:
        return [True] * len(rows)

    def measure() -> list[int]:
        return make_trainer(limit.trainer).lengths(model_folder(base, worker.cache), rows)

    return [length <= limit.max_length for length in await asyncio.to_thread(measure)]


async def judge_pairs(worker: Worker, spec: SelectionSpec, templates: TemplateSet) -> JudgePairs:
    """None where nothing was compared."""
    if spec.compared is None:
        return JudgePairs(())
    if spec.judging is None or spec.judging.comparison is None:
        raise AccountingError("Judgments were compared, and the selection does not name how they were made.")
    policy = judging_policy(spec.judging.judgment.policy)
    form = await read_form(worker, spec.judging.form)

    def judge_prompt(prompt: str, response: str) -> tuple[Message, ...]:
        return judge_messages(policy, templates, form, prompt, response)

    rows: list[ComparedPrompt] = []
    for shard in await read_rows(worker.store, spec.compared, ShardComparisons):
        if shard.compared is not None:
            rows += await read_rows(worker.store, shard.compared, ComparedPrompt)
    return make_judge_pairs(rows, judge_prompt, spec.judging.comparison.max_chars)
