"""The story world's prompts for a run: texts, and checkers that were tried before they are trusted."""

import asyncio
import random

from spar.sandbox import CheckerJob, run_checkers
from spar.submission.world_prompts import world_prompts
from spar.worlds.story.prompts import generate_prompts, split_of
from spar.worlds.story.rules import follows
from spar.worlds.story.teacher import respond, respond_breaking


def test_plain_prompts_are_the_self_play_split() -> None:
    made = world_prompts("world:story", 5, 0, with_checkers=False)
    assert [prompt.text for prompt in made.prompts] == generate_prompts(5, 0, "selfplay")
    assert made.checkers is None


def test_texts_are_no_prompts() -> None:
    made = world_prompts("world:story-texts", 5, 0, with_checkers=False)
    assert len(made.prompts) == 5
    assert not {prompt.text for prompt in made.prompts} & set(generate_prompts(50, 0, "selfplay"))


def test_checkers_that_survive_say_what_the_rules_say() -> None:
    """A wrong one passes a wrong response now and then; that it is rare is what the trial is for."""
    made = world_prompts("world:story", 40, 0, with_checkers=True)
    assert made.checkers is not None
    assert [row.prompt_id for row in made.checkers] == [prompt.id for prompt in made.prompts]
    assert all(row.checkers for row in made.checkers)
    assert {split_of(prompt.text) for prompt in made.prompts} == {"selfplay"}
    assert any(len(set(row.checkers)) > 2 for row in made.checkers)
    rng = random.Random(0)
    tried = [(p.text, (respond(p.text, rng), respond_breaking(p.text, rng, 1))) for p in made.prompts]
    jobs = [
        CheckerJob(source, texts)
        for row, (_, texts) in zip(made.checkers, tried, strict=True)
        for source in row.checkers
    ]
    truth = [
        "passed" if follows(prompt, text) else "not passed"
        for row, (prompt, texts) in zip(made.checkers, tried, strict=True)
        for _ in row.checkers
        for text in texts
    ]
    said = [text for texts in asyncio.run(run_checkers(jobs)) for text in texts]
    right = sum(one == other for one, other in zip(said, truth, strict=True))
    assert right / len(truth) > 0.95
