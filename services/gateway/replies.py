"""The format of OpenAI's replies, whole and in chunks, with the facts of the search under `spar`. Pure data."""

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from spar.inference.records import Choice, InferenceResult
from spar.method.records import Node, Tree
from spar.roles.usage import Usage

_PIECE = re.compile(r".{1,48}(?:\s+|$)|.{1,48}", re.DOTALL)
"""About a line of text: what a stream sends at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What every chunk of one completion repeats."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))


def completion(heading: Heading, found: InferenceResult, with_tree: bool) -> dict[str, Any]:
    choices = [_choice(index, each) for index, each in enumerate(_texts(found))]
    facts_of_search = {"usage": usage(found), "spar": facts(found, with_tree)}
    return {**_heading(heading, "chat.completion"), "choices": choices, **facts_of_search}


def chunks(heading: Heading, found: InferenceResult, with_tree: bool, with_usage: bool) -> Iterator[dict[str, Any]]:
    """The text in pieces, then the finish reason, then the usage if the request includes it."""
    top = _heading(heading, "chat.completion.chunk")
    texts = _texts(found)
    for index, each in enumerate(texts):
        for number, piece in enumerate(_PIECE.findall(each.text) or [""]):
            delta = {"role": "assistant", "content": piece} if number == 0 else {"content": piece}
            yield {**top, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}]}
        last = {"index": index, "delta": {}, "logprobs": None, "finish_reason": _finish(each)}
        with_facts = {"spar": facts(found, with_tree)} if index == len(texts) - 1 else {}
        yield {**top, "choices": [last], **with_facts}
    if with_usage:
        yield {**top, "choices": [], "usage": usage(found)}


def usage(found: InferenceResult) -> dict[str, int]:
    """The usage of all calls to both models."""
    prompt = found.actor.prompt_tokens + found.refiner.prompt_tokens
    completed = found.actor.completion_tokens + found.refiner.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completed, "total_tokens": prompt + completed}


def facts(found: InferenceResult, with_tree: bool) -> dict[str, Any]:
    """How the text was produced; the parts of the usage add up to the whole."""
    found_facts: dict[str, Any] = {
        "ending": found.ending.value,
        "value": found.value,
        "counts": asdict(found.counts),
        "usage": {"actor": _usage(found.actor), "refiner": _usage(found.refiner)},
        "reason": found.reason,
    }
    return {**found_facts, "tree": None if found.tree is None else _tree(found.tree)} if with_tree else found_facts


def models(names: dict[str, str], created: int) -> list[dict[str, Any]]:
    return [
        {"id": name, "object": "model", "created": created, "owned_by": "spar", "description": description}
        for name, description in names.items()
    ]


def _heading(heading: Heading, kind: str) -> dict[str, Any]:
    return {"id": heading.id, "object": kind, "created": heading.created, "model": heading.model}


def _texts(found: InferenceResult) -> list[Choice]:
    return [Choice(found.text, found.cut_off), *found.more]


def _choice(index: int, each: Choice) -> dict[str, Any]:
    message = {"role": "assistant", "content": each.text, "refusal": None}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": _finish(each)}


def _finish(each: Choice) -> str:
    return "length" if each.cut_off else "stop"


def _usage(used: Usage) -> dict[str, Any]:
    return {
        "calls": used.calls,
        "replies": used.replies,
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "failures": dict(used.failures),
    }


def _tree(tree: Tree) -> dict[str, Any]:
    return {
        "prompt": tree.prompt.text,
        "solved": tree.solved,
        "best": None if tree.best is None else list(tree.best),
        "nodes": [_node(node) for node in tree.nodes],
        "failures": tree.failures,
    }


def _node(node: Node) -> dict[str, Any]:
    judgment = node.judgment
    return {
        "path": list(node.path),
        "text": node.text,
        "value": judgment.value,
        "label": None if judgment.label is None else judgment.label.value,
        "votes": [None if vote.verdict is None else vote.verdict.value for vote in judgment.votes],
        "critique": judgment.critique,
        "reply": node.reply,
    }
