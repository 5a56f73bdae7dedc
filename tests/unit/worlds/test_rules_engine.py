"""The rules engine replies to every conversation of the compact templates, and refuses others."""

import pytest

from spar.engines.base import LocalModel, Sampling
from spar.errors import DataError, EngineUnavailable
from spar.evolution.forms import forms_named
from spar.evolution.records import EvolutionOutcome
from spar.evolution.replies import parse_check, parse_evolution
from spar.evolution.taxonomy import taxonomy_named
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from spar.worlds.story.comparing import compare
from spar.worlds.story.conversation import (
    actor_turns,
    compare_turns,
    instruct_turns,
    judge_turns,
    rate_turns,
    recognise,
    refine_turns,
    score_turns,
    task,
)
from spar.worlds.story.engine import ErrorRates, make
from spar.worlds.story.rules import follows, parse_prompt
from spar.worlds.story.scoring import rate, score
from spar.worlds.story.teacher import judge

PROMPT, BAD = "start knife ; words 6 ; with harp", "moss echo honey ."
GREEDY, SAMPLED = (
    Sampling(temperature=0.0, top_p=1.0, max_tokens=192),
    Sampling(temperature=0.9, top_p=1.0, max_tokens=192),
)
MODEL = LocalModel("any")


def settings() -> EngineSettings:
    return EngineSettings(kind="rules")


def test_conversations_are_recognised() -> None:
    assert recognise(actor_turns(PROMPT)) == task("respond", prompt=PROMPT)
    assert recognise(refine_turns(PROMPT, BAD, "any")) == task("refine", prompt=PROMPT, response=BAD)
    for form, turns in (("judge", judge_turns), ("score", score_turns), ("rate", rate_turns)):
        assert recognise(turns(PROMPT, BAD)) == task(form, prompt=PROMPT, response=BAD)
        assert recognise(turns(PROMPT, "")) == task(form, prompt=PROMPT, response="")
    judgments = {"first": score(PROMPT, BAD), "second": judge(PROMPT, BAD)}
    assert recognise(compare_turns(PROMPT, BAD, **judgments)) == task(
        "compare", prompt=PROMPT, response=BAD, **judgments
    )
    assert recognise(instruct_turns(BAD)) == task("instruct", text=BAD)
    assert recognise([Message("assistant", PROMPT)]) is None
    assert recognise([*actor_turns(PROMPT), Message("assistant", BAD), Message("user", "Thanks")]) is None


async def test_greedy_replies_make_no_mistake() -> None:
    chat = await make(settings()).serve(MODEL)
    (response,) = await chat.sample(actor_turns(PROMPT), 1, GREEDY, 7)
    assert follows(PROMPT, response.text)
    (critique,) = await chat.sample(judge_turns(PROMPT, BAD), 1, GREEDY, 7)
    assert critique.text == judge(PROMPT, BAD)
    (refined,) = await chat.sample(refine_turns(PROMPT, BAD, critique.text), 1, GREEDY, 7)
    assert follows(PROMPT, refined.text.removeprefix("[[start]]").removesuffix("[[end]]"))
    assert refined.finish_reason == "stop"


async def test_greedy_scores_ratings_comparisons_and_instructions_make_no_mistake() -> None:
    chat = await make(settings()).serve(MODEL)
    right, wrong = score(PROMPT, BAD), score(PROMPT, "knife")
    for turns, reply in (
        (score_turns(PROMPT, BAD), right),
        (rate_turns(PROMPT, BAD), rate(PROMPT, BAD)),
        (compare_turns(PROMPT, BAD, wrong, right), compare(PROMPT, BAD, wrong, right)),
    ):
        assert (await chat.sample(turns, 1, GREEDY, 7))[0].text == reply
    (instruction,) = await chat.sample(instruct_turns(BAD), 1, GREEDY, 7)
    assert follows(instruction.text, BAD)


async def test_every_sampled_form_errs_as_often_as_it_is_told() -> None:
    always = ErrorRates(respond=1.0, judge=1.0, refine=1.0, score=1.0, compare=1.0, instruct=1.0, evolve=1.0)
    chat = await make(settings(), always).serve(MODEL)
    for turns, right in (
        (judge_turns(PROMPT, BAD), judge(PROMPT, BAD)),
        (score_turns(PROMPT, BAD), score(PROMPT, BAD)),
        (rate_turns(PROMPT, BAD), rate(PROMPT, BAD)),
        (compare_turns(PROMPT, BAD, "", ""), compare(PROMPT, BAD, "", "")),
    ):
        assert right not in [c.text for c in await chat.sample(turns, 8, SAMPLED, 3)]
    for instruction in await chat.sample(instruct_turns(BAD), 8, SAMPLED, 3):
        assert not follows(instruction.text, BAD)


async def test_an_evolved_prompt_asks_for_more_and_its_check_says_whether_the_main_constraint_is_in_it() -> None:
    chat = await make(settings()).serve(MODEL)
    forms, story = forms_named("compact"), taxonomy_named("story")
    (written,) = await chat.sample(forms.evolve_messages(PROMPT, story.group("end"), story), 1, GREEDY, 7)
    found = parse_evolution(written.text, "stop", PROMPT, "end", story)
    assert found.outcome is EvolutionOutcome.EVOLVED
    assert {str(c) for c in parse_prompt(PROMPT).constraints} < {str(c) for c in parse_prompt(found.text).constraints}
    for prompt, used in ((found.text, True), (PROMPT, False)):
        (checked,) = await chat.sample(forms.validate_messages(prompt, story.group("end")), 1, GREEDY, 7)
        assert parse_check(checked.text, "stop").main_used is used
    full = "start knife ; end moss ; words 6 ; with harp ; without echo ; finish !"
    (declined,) = await chat.sample(forms.evolve_messages(full, story.group("end"), story), 1, GREEDY, 7)
    assert parse_evolution(declined.text, "stop", full, "end", story).outcome is EvolutionOutcome.DECLINED


async def test_sampled_replies_err_and_follow_the_seed() -> None:
    chat = await make(settings()).serve(MODEL)
    twelve = await chat.sample(actor_turns(PROMPT), 12, SAMPLED, 100)
    assert 0 < sum(follows(PROMPT, c.text) for c in twelve) < 12
    assert await chat.sample(actor_turns(PROMPT), 6, SAMPLED, 106) == twelve[6:]


async def test_a_reply_is_cut_off_at_the_limit() -> None:
    chat = await make(settings()).serve(MODEL)
    (cut,) = await chat.sample(actor_turns(PROMPT), 1, Sampling(temperature=0.0, top_p=1.0, max_tokens=3), 0)
    assert (cut.finish_reason, cut.completion_tokens, len(cut.text.split())) == ("length", 3, 3)


async def test_other_conversations_are_refused() -> None:
    chat = await make(settings()).serve(MODEL)
    with pytest.raises(DataError):
        await chat.sample([Message("user", "Write me a poem")], 1, GREEDY, 0)
    with pytest.raises(DataError, match="templates: compact"):
        await chat.sample([Message("assistant", PROMPT)], 1, GREEDY, 0)


async def test_a_closed_engine_is_unavailable() -> None:
    engine = make(settings())
    chat = await engine.serve(MODEL)
    await engine.close()
    with pytest.raises(EngineUnavailable):
        await chat.sample(actor_turns(PROMPT), 1, GREEDY, 0)
