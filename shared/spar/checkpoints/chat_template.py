"""Renders a conversation with a tokenizer's chat template; raises TemplateRefused with the template's message.

Templates may reject input with `raise_exception` (Gemma's rejects system messages, others two user turns in a row).
Jinja raises that as a TemplateError, and a TypeError if an operator of the template gets a wrong type.
"""

from collections.abc import Sequence
from typing import Any

from spar.errors import TemplateRefused
from spar.method.records import Message


def render(tokenizer: Any, messages: Sequence[Message], add_generation_prompt: bool) -> str:
    """The conversation's text; `add_generation_prompt` opens the assistant's next turn. Raises TemplateRefused."""
    text: str = _apply(tokenizer, messages, add_generation_prompt=add_generation_prompt, tokenize=False)
    return text


def encode_prompt(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Ids of the conversation, up to the start of the assistant's turn. Raises TemplateRefused."""
    return list(_apply(tokenizer, messages, add_generation_prompt=True, tokenize=True, return_dict=False))


def _apply(tokenizer: Any, messages: Sequence[Message], **options: Any) -> Any:
    from jinja2 import TemplateError

    turns = [{"role": message.role, "content": message.content} for message in messages]
    try:
        return tokenizer.apply_chat_template(turns, **options)
    except (TemplateError, TypeError) as error:
        roles = ", ".join(message.role for message in messages)
        raise TemplateRefused(
            f"The model's chat template refuses a conversation of the roles {roles}: {_reason(error)}.",
            "Leave out the turn that it does not accept, or give the model a chat template that accepts it.",
        ) from error


def _reason(error: Exception) -> str:
    """The template's message on one line; a TemplateError may have none."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
