"""The synthetic tasks: what is right, what a refinement keeps, and what an interfering response changes."""

import random
from statistics import fmean

import pytest

from spar.errors import TrainingError
from spar.experiments.interference.pairs import make_pairs
from spar.experiments.interference.settings import SETTINGS
from spar.experiments.interference.tasks import TASKS
from spar.experiments.interference.tasks.base import SyntheticTask
from spar.experiments.interference.tasks.characters import Characters
from spar.experiments.interference.tasks.stories import Stories

CHARACTERS, STORIES = Characters(), Stories()
PROMPT = "start fox finds lamp end owl hides moon"
STORY = "fox finds lamp . crow draws map . crow sells rope . crow wants cake . owl hides door ."


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> SyntheticTask:
    return TASKS[request.param]


def test_a_start_is_often_right_and_often_not(task: SyntheticTask) -> None:
    rng = random.Random(0)
    found = [task.measure(prompt, task.first_response(prompt, rng))[0] for prompt in task.prompts("train", 2000, 0)]
    assert 0.35 < fmean(found) < 0.6


def test_prompts_are_repeatable_and_of_one_length_and_held_out(task: SyntheticTask) -> None:
    train, heldout = task.prompts("train", 500, 3), task.prompts("heldout", 500, 3)
    assert train == task.prompts("train", 500, 3)
    assert len({len(prompt.split()) for prompt in train + heldout}) == 1
    assert not set(train) & set(heldout)
    said = {word for prompt in train + heldout for word in prompt.split()}
    assert said <= set(task.words)


def test_a_refined_response_is_right(task: SyntheticTask) -> None:
    rng = random.Random(1)
    for prompt in task.prompts("train", 300, 1):
        refined = task.refine(prompt, task.first_response(prompt, rng))
        assert refined is not None
        assert task.measure(prompt, refined)[0] == 1.0
        assert len(refined.split()) < task.longest
        assert set(refined.split()) <= set(task.words)


def test_characters_count_and_case() -> None:
    assert CHARACTERS.measure("3 k", "k k k") == (1.0, 0.0)
    assert CHARACTERS.measure("3 k", "K K K") == (1.0, 1.0)
    assert CHARACTERS.measure("3 k", "K k") == (0.0, 0.5)
    assert CHARACTERS.measure("3 k", "") == (0.0, 0.0)
    assert CHARACTERS.measure("3 k", "k k j")[0] == 0.0
    assert CHARACTERS.refine("3 k", "K K") == "K K K"
    assert CHARACTERS.refine("3 k", "K j") is None
    assert CHARACTERS.interfere("3 k", "K K K", []) == "k k k"


def test_stories_have_five_sentences_and_their_two_ends() -> None:
    right = STORY.replace("door", "moon")
    assert STORIES.measure(PROMPT, right) == (1.0,)
    for wrong in (STORY, right.removesuffix(" ."), right.replace("fox", "crow"), right.replace("map . ", "map "), ""):
        assert STORIES.measure(PROMPT, wrong) == (0.0,)
    assert STORIES.refine(PROMPT, STORY) == right
    assert STORIES.refine(PROMPT, "fox finds lamp .") is None
    assert STORIES.interfere(PROMPT, right, [right]) is None
    assert STORIES.interfere(PROMPT, right, [right, "another"]) == "another"


def test_both_kinds_of_pairs_share_prompt_and_rejected(task: SyntheticTask) -> None:
    rng = random.Random(2)
    sampled = [(p, [task.first_response(p, rng) for _ in range(8)]) for p in task.prompts("train", 60, 2)]
    pairs = make_pairs(task, sampled, 20)
    assert len(pairs.refined) == len(pairs.interfering) == 20
    for refined, interfering in zip(pairs.refined, pairs.interfering, strict=True):
        assert (refined.prompt, refined.rejected) == (interfering.prompt, interfering.rejected)
        prompt = refined.prompt.text
        assert task.measure(prompt, refined.rejected)[0] == 0.0
        assert task.measure(prompt, refined.chosen)[0] == task.measure(prompt, interfering.chosen)[0] == 1.0
        assert refined.chosen != interfering.chosen


def test_a_start_that_gives_no_pair_is_told(task: SyntheticTask) -> None:
    with pytest.raises(TrainingError, match=task.name):
        make_pairs(task, [(prompt, ["nonsense"]) for prompt in task.prompts("train", 3, 0)], 3)


def test_every_task_has_a_size() -> None:
    assert SETTINGS.keys() == TASKS.keys()
