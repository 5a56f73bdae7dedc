"""The rules teacher of prompt evolution: replies to the compact forms `Evolve` and `Check` of `spar.evolution`.

An evolved prompt is one of the self-play split, so that it is not in an evaluation. Knows no engine.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from spar.errors import DataError
from spar.method.records import Message
from spar.worlds.story.instructing import evolve
from spar.worlds.story.prompts import KINDS, split_of
from spar.worlds.story.rules import parse_prompt

_FORM = re.compile(rf"(Evolve|Check) : (.+) Kind : ({'|'.join(KINDS)})")
DRAWS = 64
"""Attempts to draw a prompt of the self-play split, which has three in ten: failing all is practically impossible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolutionTask:
    """One of the two forms, filled in: a seed prompt to evolve, or an evolved prompt to check."""

    checks: bool
    prompt: str
    main: str


def recognise_evolution(messages: Sequence[Message]) -> EvolutionTask | None:
    """None if the conversation is neither form."""
    if [message.role for message in messages] != ["user"]:
        return None
    found = _FORM.fullmatch(messages[0].content.strip())
    return None if found is None else EvolutionTask(checks=found[1] == "Check", prompt=found[2].strip(), main=found[3])


def teach(task: EvolutionTask, error_rate: float, rng: random.Random) -> str:
    """The reply; at the error rate it omits the main constraint, or misreads the prompt that it checks."""
    wrong = rng.random() < error_rate
    return _check(task, wrong) if task.checks else _evolve(task, wrong, rng)


def _evolve(task: EvolutionTask, wrong: bool, rng: random.Random) -> str:
    """Replies None if nothing can be added, since the prompt already has the other kinds."""
    for _ in range(DRAWS):
        found = evolve(task.prompt, task.main, rng)
        if found is None:
            break
        text, added = found
        if wrong:
            text = " ; ".join(part for part in text.split(" ; ") if not part.startswith(f"{task.main} "))
        if split_of(text) == "selfplay":
            return f"Constraints : {', '.join([task.main, *added])} [[start]] {text} [[end]]"
    return "[[start]] None [[end]]"


def _check(task: EvolutionTask, wrong: bool) -> str:
    try:
        used, readable = parse_prompt(task.prompt).get(task.main) is not None, True
    except DataError:
        used, readable = False, False
    verdicts = (("Answerable", readable), ("Consistent", readable), ("Main constraint used", used != wrong))
    return " ; ".join(f"{question} : {'Yes' if yes else 'No'}" for question, yes in verdicts)
