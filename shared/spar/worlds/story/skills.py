"""The skills of the starting models: each makes one training conversation from a prompt, by the rules teacher.

A new skill is one more function and one more row in SKILLS. Knows no model and no tokenizer.
"""

import random
from collections.abc import Callable, Iterator, Mapping

from spar.errors import DataError
from spar.method.records import Message
from spar.worlds.story import teacher
from spar.worlds.story.comparing import compare
from spar.worlds.story.conversation import (
    actor_turns,
    compare_turns,
    instruct_turns,
    judge_turns,
    rate_turns,
    refine_turns,
    score_turns,
)
from spar.worlds.story.instructing import instruct
from spar.worlds.story.items import bad_response
from spar.worlds.story.prompts import draw_prompt, split_of
from spar.worlds.story.rules import parse_prompt
from spar.worlds.story.scoring import misscore, rate, score
from spar.worlds.story.writing import write

Skill = Callable[[str, random.Random], list[Message]]

ERROR_RATE = 0.2  # per constraint, in the backbone's responses
FADING = (0.08, 0.15, 0.6)
"""How often the actor's teacher breaks the first, second and third constraint. This makes the starting actor imperfect:
it overlooks the last of three more often than not, even with greedy decoding."""
WRITES_WHAT_TO_AVOID = 0.03
"""How often, at most, it writes the word to avoid. That word competes with a hundred free ones: at a tenth, it would be
the likeliest first word, and greedy replies would be about little else."""

SLIPPING = 0.12
"""How often the teacher of the shared model's scores slips. Without slips the model scored every response correctly at
any temperature (1500 of 1500 at T=1), and judgments that never differ leave nothing to compare."""
GOOD_SHARE = 0.4  # share of the scored and rated responses; the others have at least one error


def respond_skill(prompt: str, rng: random.Random) -> list[Message]:
    """Responding, with evenly spread errors."""
    response = teacher.respond(prompt, rng, ERROR_RATE)
    return [*actor_turns(prompt), Message("assistant", response)]


def fading_skill(prompt: str, rng: random.Random) -> list[Message]:
    """Responding with errors that increase along the prompt."""
    parsed = parse_prompt(prompt)
    rates = [
        min(rate, WRITES_WHAT_TO_AVOID) if constraint.kind == "without" else rate
        for constraint, rate in zip(parsed.constraints, FADING, strict=False)
    ]
    broken = [c for c, rate in zip(parsed.constraints, rates, strict=True) if rng.random() < rate]
    return [*actor_turns(prompt), Message("assistant", write(parsed, broken, rng))]


def judge_skill(prompt: str, rng: random.Random) -> list[Message]:
    """Judging good, slightly wrong and very wrong responses; mostly good, since refining trains on bad ones."""
    kind = rng.choices(("good", "one error", "any errors"), weights=(70, 12, 18))[0]
    if kind == "good":
        response = teacher.respond(prompt, rng)
    elif kind == "one error":
        response = teacher.respond_breaking(prompt, rng, 1)
    else:
        response = bad_response(prompt, rng)
    return [*judge_turns(prompt, response), Message("assistant", teacher.judge(prompt, response))]


def refine_skill(prompt: str, rng: random.Random) -> list[Message]:
    """Both assistant turns are trained on: the critique of a bad response, and its refinement."""
    one = rng.random() < 0.5
    response = teacher.respond_breaking(prompt, rng, 1) if one else bad_response(prompt, rng)
    turns = refine_turns(prompt, response, teacher.judge(prompt, response))
    return [*turns, Message("assistant", teacher.refine(prompt, response, rng))]


def score_skill(prompt: str, rng: random.Random) -> list[Message]:
    """Scoring responses from flawless to hopeless, so that every score occurs."""
    response = _any_response(prompt, rng)
    return [*score_turns(prompt, response), Message("assistant", score(prompt, response))]


def slipping_skill(prompt: str, rng: random.Random) -> list[Message]:
    """Scoring by a teacher that occasionally slips."""
    response = _any_response(prompt, rng)
    wrong = rng.random() < SLIPPING
    reply = misscore(prompt, response, rng) if wrong else score(prompt, response)
    return [*score_turns(prompt, response), Message("assistant", reply)]


def rate_skill(prompt: str, rng: random.Random) -> list[Message]:
    """Rating, on the same responses as scoring."""
    response = _any_response(prompt, rng)
    return [*rate_turns(prompt, response), Message("assistant", rate(prompt, response))]


def compare_skill(prompt: str, rng: random.Random) -> list[Message]:
    """Comparing two judgments: mostly a correct and a wrong one in either order, otherwise two of a kind."""
    response = _any_response(prompt, rng)
    right, wrong = score(prompt, response), misscore(prompt, response, rng)
    other = misscore(prompt, response, rng)
    pairs = ((right, wrong), (wrong, right), (wrong, other), (right, right))
    first, second = rng.choices(pairs, weights=(40, 40, 15, 5))[0]
    turns = compare_turns(prompt, response, first, second)
    return [*turns, Message("assistant", compare(prompt, response, first, second))]


def instruct_skill(prompt: str, rng: random.Random) -> list[Message]:
    """Writing a prompt of the train split that a text follows; the text was written for another one."""
    text = teacher.respond(prompt, rng)
    instruction = instruct(text, rng)
    while split_of(instruction) != "train":
        instruction = instruct(text, rng)
    return [*instruct_turns(text), Message("assistant", instruction)]


def _any_response(prompt: str, rng: random.Random) -> str:
    return teacher.respond(prompt, rng) if rng.random() < GOOD_SHARE else bad_response(prompt, rng)


SKILLS: dict[str, Skill] = {
    "respond": respond_skill,
    "respond_fading": fading_skill,
    "judge": judge_skill,
    "refine": refine_skill,
    "score": score_skill,
    "score_slipping": slipping_skill,
    "rate": rate_skill,
    "compare": compare_skill,
    "instruct": instruct_skill,
}


def examples(mixture: Mapping[str, float], count: int, seed: str) -> Iterator[list[Message]]:
    """`count` conversations on prompts of the train split, with skills drawn by the mixture's weights."""
    rng = random.Random(seed)
    names, weights = list(mixture), list(mixture.values())
    for _ in range(count):
        prompt = draw_prompt(rng)
        while split_of(prompt) != "train":
            prompt = draw_prompt(rng)
        yield SKILLS[rng.choices(names, weights=weights)[0]](prompt, rng)


def skill_data(skill: str, count: int, seed: int) -> Iterator[list[Message]]:
    """Supervised examples of one skill on the train split: what SELF mixes into its training (arXiv 2310.00533)."""
    if skill not in SKILLS:
        raise DataError(f"Unknown skill '{skill}'.", f"Choose one of: {', '.join(SKILLS)}.")
    return examples({skill: 1.0}, count, f"skill-data:{skill}:{seed}")
