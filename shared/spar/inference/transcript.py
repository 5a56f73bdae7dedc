"""Turns a conversation into the one prompt that a refiner judges by. Knows nothing of models.

A single user turn is passed bare, as in training. A system message goes before it; a longer conversation is written
out, so that the refiner sees what the last turn refers to.
"""

from collections.abc import Sequence

from spar.method.records import Message, Prompt

_SPEAKERS = {"user": "User", "assistant": "Assistant"}


def prompt_of(messages: Sequence[Message]) -> Prompt:
    rules = [message.content for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    if len(turns) == 1:
        spoken = turns[0].content
    else:
        spoken = "\n\n".join(f"{_SPEAKERS[turn.role]}: {turn.content}" for turn in turns)
    return Prompt.of("\n\n".join([*rules, spoken]))
