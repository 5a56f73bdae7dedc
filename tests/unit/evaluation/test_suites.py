"""The way into the suites: how many items, in what order, and what the summary says of them."""

from spar.evaluation.items import Item, Measure
from spar.evaluation.suites import audit_pairs, run_suite, summarize
from spar.method.records import Pair, Prompt
from spar.method.templates import builtin_templates
from spar.recipes.models import EvaluationSettings
from spar.roles.usage import Usage
from spar.store.rows import decode_rows, encode_rows
from spar.worlds.story.engine import ErrorRates, RulesModel
from spar.worlds.story.prompts import split_of

SETTINGS = EvaluationSettings(actor_prompts=40, judge_items=30, refine_items=20)
COMPACT = builtin_templates("compact")


async def test_an_actor_is_measured_greedy_and_sampled_on_the_same_held_out_prompts() -> None:
    result = await run_suite("actor", RulesModel(ErrorRates(respond=0.5)), SETTINGS, COMPACT, 0)
    greedy = [row for row in result.rows if row.measure == Measure.ACTOR_GREEDY]
    sampled = [row for row in result.rows if row.measure == Measure.ACTOR_SAMPLED]
    assert [row.prompt for row in greedy] == [row.prompt for row in sampled]
    assert {split_of(row.prompt) for row in greedy} == {"heldout"}
    measures = result.summary.measures
    assert measures["actor_greedy"].rate == 1.0
    assert measures["actor_sampled"].rate < 1.0
    assert measures["actor_sampled"].total == 40
    assert result.usage.calls == 80


async def test_a_refiner_is_measured_as_judge_and_as_refiner() -> None:
    result = await run_suite("refiner", RulesModel(ErrorRates()), SETTINGS, COMPACT, 0)
    judge, refine = (result.summary.measures[name] for name in ("judge", "refine"))
    assert (judge.correct, refine.correct) == (30, 20)
    assert judge.failures == refine.failures == 0


async def test_the_same_seed_measures_the_same() -> None:
    chat = RulesModel(ErrorRates(respond=0.5))
    first = await run_suite("actor", chat, SETTINGS, COMPACT, 7)
    again = await run_suite("actor", chat, SETTINGS, COMPACT, 7)
    other = await run_suite("actor", chat, SETTINGS, COMPACT, 8)
    assert first.rows == again.rows
    assert first.rows != other.rows
    assert [row.prompt for row in first.rows] == [row.prompt for row in other.rows]


def test_pairs_are_audited_without_a_model() -> None:
    result = audit_pairs([Pair(prompt=Prompt.of("words 4"), chosen="knife moss echo honey", rejected="knife")])
    assert result.summary.flat() == {"pair": 1.0, "pair.correct": 1, "pair.total": 1, "pair.failures": 0}
    assert result.usage == Usage()


def test_no_pairs_have_no_precision() -> None:
    assert audit_pairs([]).summary.flat() == {}


def test_items_survive_the_store() -> None:
    items = [
        Item(
            measure=Measure.REFINE,
            prompt="words 4",
            reply="no",
            correct=False,
            given="moss",
            critique="critique",
            failure="unparsable",
        ),
        Item(measure=Measure.PAIR, prompt="words 4", reply="moss", correct=True),
    ]
    data = encode_rows(step="evaluation", fingerprint="f", rows=items)
    assert decode_rows(data, Item)[1] == items
    assert summarize(items).measures["refine"].failures == 1
