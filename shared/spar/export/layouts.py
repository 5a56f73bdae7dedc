"""One pair, or one example, as a row in each trainer's format. Knows nothing of files.

An example is a conversation whose every assistant turn is trained on; a pair is one prompt with two responses.
"""

from collections.abc import Sequence
from typing import Any

from spar.errors import DataError
from spar.method.records import Example, Message, Pair

Row = dict[str, Any]

_SHAREGPT_ROLES = {"user": "human", "assistant": "gpt", "system": "system"}


def conversational_pair(pair: Pair) -> Row:
    """prompt, chosen, rejected: each a list of messages (TRL, OpenRLHF)."""
    return {
        "prompt": [_message("user", pair.prompt.text)],
        "chosen": [_message("assistant", pair.chosen)],
        "rejected": [_message("assistant", pair.rejected)],
    }


def messages_example(example: Example) -> Row:
    return {"messages": [_message(message.role, message.content) for message in example.messages]}


def axolotl_pair(pair: Pair) -> Row:
    """messages before the response; chosen and rejected one message each."""
    return {
        "messages": [_message("user", pair.prompt.text)],
        "chosen": _message("assistant", pair.chosen),
        "rejected": _message("assistant", pair.rejected),
    }


def sharegpt_pair(pair: Pair) -> Row:
    return {
        "conversations": [_turn("user", pair.prompt.text)],
        "chosen": _turn("assistant", pair.chosen),
        "rejected": _turn("assistant", pair.rejected),
    }


def sharegpt_example(example: Example) -> Row:
    return {"conversations": [_turn(message.role, message.content) for message in example.messages]}


def alpaca_pair(pair: Pair) -> Row:
    return {"instruction": pair.prompt.text, "input": "", "chosen": pair.chosen, "rejected": pair.rejected}


def alpaca_example(example: Example) -> Row:
    """The last exchange is instruction and output; earlier ones are the history, whose responses are trained on too."""
    system, exchanges = _exchanges(example.messages, example.prompt_id)
    *history, (instruction, output) = exchanges
    return {
        "instruction": instruction,
        "input": "",
        "output": output,
        "system": system,
        "history": [list(exchange) for exchange in history],
    }


def _exchanges(messages: Sequence[Message], prompt_id: str) -> tuple[str, list[tuple[str, str]]]:
    """The system message, if there is one, and (user, assistant) turns."""
    system, turns = ("", list(messages))
    if turns and turns[0].role == "system":
        system, turns = turns[0].content, turns[1:]
    roles = [turn.role for turn in turns]
    if not turns or roles != ["user", "assistant"] * (len(turns) // 2):
        raise DataError(
            f"An example of prompt {prompt_id} does not alternate between user and assistant.",
            "The alpaca format cannot represent it: choose another --format.",
        )
    texts = [turn.content for turn in turns]
    return system, list(zip(texts[::2], texts[1::2], strict=True))


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _turn(role: str, content: str) -> dict[str, str]:
    return {"from": _SHAREGPT_ROLES[role], "value": content}
