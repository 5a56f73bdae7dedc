"""Reads a model's reply into a record of the method, including failed replies."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeVar

from spar.engines.drawing import FailedReply, Reply
from spar.method.records import Refinement, ReplyFailure, Response, Vote

Read = TypeVar("Read", Response, Vote, Refinement)


def read_reply(
    reply: Reply, failed: Callable[[str, ReplyFailure], Read], parse: Callable[[str, Literal["stop", "length"]], Read]
) -> Read:
    """The record of a reply: read by `parse`, or failed before that. Its finish reason is the engine's in any case."""
    if isinstance(reply, FailedReply):
        return replace(failed(reply.text, reply.failure), finish_reason=reply.finish_reason)
    return replace(parse(reply.text, reply.finish_reason), finish_reason=reply.finish_reason)


def failed_vote(text: str, failure: ReplyFailure) -> Vote:
    return Vote(text, failure=failure)


def failed_refinement(text: str, failure: ReplyFailure) -> Refinement:
    return Refinement(reply=text, failure=failure)
