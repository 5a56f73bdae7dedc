"""Faults of messages waiting in a queue: duplicated, reversed, dropped, or of another version."""

import base64
import json
import signal
from collections.abc import Callable, Iterator

import redis

from tests.faults.stack import FaultStack
from tests.faults.strikes import fault, within_s
from tests.faults.trial import Fault


def reports(change: Callable[["redis.Redis", str], None]) -> Fault:
    """Let reports accumulate while the coordinator is paused, then change them."""
    return fault(lambda stack: _changed(stack, change, "coordinator"))


def steps(change: Callable[["redis.Redis", str], None]) -> Fault:
    """The same for generation steps, whose worker is paused before the run is submitted.

    A run sends its first step alone, and the others once it is done. Therefore the worker completes that step while the
    coordinator is paused, and is paused again before the coordinator receives the report.
    """

    def block(stack: FaultStack) -> Iterator[None]:
        stack.pause("generation")  # the soak test injects this into runs that have already started
        with stack.redis.client() as client:
            waits_for(stack, client, "generation", 1)
            stack.pause("coordinator")
            stack.pause("generation", signal.SIGCONT)
            stack.wait(lambda: _finished(client), within_s(stack), "the first step's end")
            stack.pause("generation")
            stack.pause("coordinator", signal.SIGCONT)
        yield from _changed(stack, change, "generation")

    return fault(block)


def _changed(stack: FaultStack, change: Callable[["redis.Redis", str], None], queue: str) -> Iterator[None]:
    stack.pause(queue)
    with stack.redis.client() as client:
        waits_for(stack, client, queue, 2)
        change(client, queue)
    stack.pause(queue, signal.SIGCONT)
    yield


def waits_for(stack: FaultStack, client: "redis.Redis", queue: str, messages: int) -> None:
    """Wait until the queue holds that many messages. Raises NotInTime."""
    stack.wait(lambda: client.llen(queue) >= messages, within_s(stack), f"{messages} messages for {queue}")


def _finished(client: "redis.Redis") -> bool:
    """Whether the waiting reports, most of them heartbeats, include a finished step."""
    waiting = [json.loads(base64.b64decode(json.loads(each)["body"])) for each in client.lrange("coordinator", 0, -1)]
    return any(body[0][0]["kind"] == "finished" for body in waiting)


def twice(client: "redis.Redis", queue: str) -> None:
    for message in client.lrange(queue, 0, -1):
        client.lpush(queue, message)


def reversed_order(client: "redis.Redis", queue: str) -> None:
    for message in client.lrange(queue, 0, -1):
        client.lrem(queue, 1, message)
        client.lpush(queue, message)


def of_another_version(client: "redis.Redis", queue: str) -> None:
    """Steps in a revision that no worker here accepts, as sent by a coordinator of another version."""
    for waiting in client.lrange(queue, 0, -1):
        message = json.loads(waiting)
        body = json.loads(base64.b64decode(message["body"]))
        for step in body[0]:
            step["spec"]["revision"] = 99
        message["body"] = base64.b64encode(json.dumps(body).encode()).decode()
        client.lrem(queue, 1, waiting)
        client.lpush(queue, json.dumps(message))


def dropped(client: "redis.Redis", queue: str) -> None:
    client.delete(queue)
