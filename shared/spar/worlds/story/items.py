"""The evaluation items of the story world, made from the rules. Knows no model."""

import random

from spar.worlds.story.prompts import Split, generate_prompts
from spar.worlds.story.rules import follows
from spar.worlds.story.teacher import respond, respond_breaking

FREE_ERROR_RATE = 0.35  # per constraint: among bad responses, several errors in one are then common


def judge_items(count: int, seed: int, split: Split) -> list[tuple[str, str, bool]]:
    """(prompt, response, whether it follows): half good, a quarter with one error, a quarter with any."""
    rng = random.Random(f"story-judge-items:{split}:{seed}")
    items = []
    for index, prompt in enumerate(generate_prompts(count, seed, split)):
        if index % 2 == 0:
            response = respond(prompt, rng)
        elif index % 4 == 1:
            response = respond_breaking(prompt, rng, 1)
        else:
            response = bad_response(prompt, rng)
        items.append((prompt, response, follows(prompt, response)))
    return items


def refine_items(count: int, seed: int, split: Split) -> list[tuple[str, str]]:
    """(prompt, response that does not follow it): half with one error, half with any number."""
    rng = random.Random(f"story-refine-items:{split}:{seed}")
    prompts = generate_prompts(count, seed, split)
    return [
        (prompt, respond_breaking(prompt, rng, 1) if index % 2 == 0 else bad_response(prompt, rng))
        for index, prompt in enumerate(prompts)
    ]


def bad_response(prompt: str, rng: random.Random) -> str:
    """A response with at least one error, each constraint broken with FREE_ERROR_RATE."""
    while True:
        response = respond(prompt, rng, FREE_ERROR_RATE)
        if not follows(prompt, response):
            return response
