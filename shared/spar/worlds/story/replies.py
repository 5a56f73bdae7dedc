"""The rules teacher's reply to any conversation, with given error rates. Knows no engine and no sampling."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from spar.method.records import Message
from spar.worlds.story import teacher
from spar.worlds.story.comparing import compare, turned_winner
from spar.worlds.story.conversation import StoryTask, recognise
from spar.worlds.story.evolving import recognise_evolution, teach
from spar.worlds.story.instructing import instruct, misinstruct
from spar.worlds.story.programming import augment, contradiction, meaning, write_checker
from spar.worlds.story.rules import violations
from spar.worlds.story.scoring import misrate, misscore, rate, score


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRates:
    """How often a sampled reply is wrong. The defaults roughly match the built-in models at the start."""

    respond: float = 0.2  # per constraint
    judge: float = 0.03  # per judgment
    refine: float = 0.25  # per refinement
    score: float = 0.03  # per score or rating
    compare: float = 0.05  # per comparison
    instruct: float = 0.1  # per instruction
    evolve: float = 0.05  # per evolved prompt, and per check of one
    augment: float = 0.05  # per instruction of a list
    checker: float = 0.1  # per check, and per set of its cases
    compare_meanings: float = 0.02  # per comparison of two instructions


EXACT = ErrorRates(**{each.name: 0.0 for each in fields(ErrorRates)})


def replying(messages: Sequence[Message]) -> Callable[[ErrorRates, random.Random], str] | None:
    """A function that writes replies, given error rates and a random source; None if it is not a task of this world.

    Prompt evolution's forms are tried first, since for an actor any single turn is a prompt.
    """
    if (evolution := recognise_evolution(messages)) is not None:
        return lambda errors, rng: teach(evolution, errors.evolve, rng)
    task = recognise(messages)
    return None if task is None else lambda errors, rng: reply(task, errors, rng)


def reply(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    """The teacher's complete reply to a task, wrong at the rates of `errors`."""
    return REPLIES[task.form](task, errors, rng)


def _respond(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    return teacher.respond(task["prompt"], rng, errors.respond)


def _judge(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    if rng.random() < errors.judge:
        return teacher.misjudge(task["prompt"], task["response"], rng)
    return teacher.judge(task["prompt"], task["response"])


def _refine(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    if rng.random() < errors.refine and violations(task["prompt"], task["response"]):
        return teacher.marked(teacher.respond_breaking(task["prompt"], rng, 1))
    return teacher.refine(task["prompt"], task["response"], rng)


def _score(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    if rng.random() < errors.score:
        return misscore(task["prompt"], task["response"], rng)
    return score(task["prompt"], task["response"])


def _rate(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    if rng.random() < errors.score:
        return misrate(task["prompt"], task["response"], rng)
    return rate(task["prompt"], task["response"])


def _compare(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    right = compare(task["prompt"], task["response"], task["first"], task["second"])
    return turned_winner(right) if rng.random() < errors.compare else right


def _instruct(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    return misinstruct(task["text"], rng) if rng.random() < errors.instruct else instruct(task["text"], rng)


def _augment(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    return augment(task["examples"], int(task["count"]), errors.augment, rng)


def _checker(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    return write_checker(task["prompt"], errors.checker, rng)


def _meaning(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    return meaning(task["checker"])


def _contradiction(task: StoryTask, errors: ErrorRates, rng: random.Random) -> str:
    return contradiction(task["prompt"], task["other"], rng.random() < errors.compare_meanings)


REPLIES: dict[str, Callable[[StoryTask, ErrorRates, random.Random], str]] = {
    "respond": _respond,
    "judge": _judge,
    "refine": _refine,
    "score": _score,
    "rate": _rate,
    "compare": _compare,
    "instruct": _instruct,
    "augment": _augment,
    "checker": _checker,
    "meaning": _meaning,
    "contradiction": _contradiction,
}
"""The teacher's reply to each form of `spar.worlds.story.conversation`."""
