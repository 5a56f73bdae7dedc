"""Habits of real OpenAI-compatible servers, for the simulated one: what they refuse, and how their replies look.

Each is what a server of the field does on valid requests; none is a failure of the client's making. Public, for tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    body: Any


Refuse = Callable[[Body, int], Refusal | None]
"""Given the request's body and its number, from 0: why it gets no reply."""
Shape = Callable[[dict[str, Any], int], Any]
"""Given the plain reply and the request's number: what is sent with HTTP 200."""


@dataclass(frozen=True, slots=True)
class Habit:
    refuse: Refuse = lambda body, number: None
    shape: Shape = lambda reply, number: reply
    loses: frozenset[str] = frozenset()
    """What a client has to leave out of its requests: then the replies are others."""


def _error(status: int, message: str, **more: Any) -> Refusal:
    return Refusal(status, {"error": {"message": message, **more}})


def _refuses(name: str, message: str, status: int = 400, **more: Any) -> Refuse:
    return lambda body, number: _error(status, message, **more) if name in body else None


def _one_choice(status: int, body: Any) -> Habit:
    return Habit(lambda sent, number: Refusal(status, body) if sent.get("n", 1) > 1 else None)


def _every_second(status: int) -> Habit:
    return Habit(lambda body, number: Refusal(status, "<html>upstream</html>") if number % 2 == 0 else None)


def _sometimes(instead: Callable[[dict[str, Any]], Any]) -> Habit:
    return Habit(shape=lambda reply, number: instead(reply) if number % 2 == 0 else reply)


def _choices(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Shape:
    return lambda reply, number: {**reply, "choices": [change(choice) for choice in reply["choices"]]}


def _content(change: Callable[[str], Any]) -> Habit:
    return Habit(
        shape=_choices(lambda choice: {**choice, "message": {"content": change(choice["message"]["content"])}})
    )


def _limit(limit: int) -> Refuse:
    def refuse(body: Body, number: int) -> Refusal | None:
        if body["max_tokens"] <= limit:
            return None
        return _error(400, f"max_tokens={body['max_tokens']} cannot be greater than max_model_len={limit}.")

    return refuse


def _broken(reply: dict[str, Any]) -> dict[str, Any]:
    first, *others = reply["choices"]
    return {
        **reply,
        "choices": [{**first, "finish_reason": "abort", "message": {"content": "A reply that brea"}}, *others],
    }


def _one_more(reply: dict[str, Any]) -> dict[str, Any]:
    return {**reply["choices"][0], "index": len(reply["choices"])}


NOT_SUPPORTED = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
)
FIXED = (
    "Unsupported value: 'temperature' does not support 0.9 with this model. Only the default (1) value is supported."
)
EXCLUSIVE = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
EXTRA = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted"}

HABITS: dict[str, Habit] = {
    "max_completion_tokens": Habit(_refuses("max_tokens", NOT_SUPPORTED, param="max_tokens")),
    "fixed_temperature": Habit(_refuses("temperature", FIXED, param="temperature"), loses=frozenset({"temperature"})),
    "top_p_excluded": Habit(_refuses("top_p", EXCLUSIVE), loses=frozenset({"top_p"})),
    "no_seed": Habit(
        lambda body, number: Refusal(422, {"detail": [{**EXTRA, "loc": ["body", "seed"]}]}) if "seed" in body else None,
        loses=frozenset({"seed"}),
    ),
    "one_choice_by_name": _one_choice(400, {"error": {"message": "Extra inputs are not permitted", "param": "n"}}),
    "one_choice_by_words": _one_choice(400, {"message": "multiple candidates is not enabled for this model"}),
    "one_choice_by_place": _one_choice(422, {"detail": [{**EXTRA, "loc": ["body", "n"]}]}),
    "one_choice_always": Habit(shape=lambda reply, number: {**reply, "choices": reply["choices"][:1]}),
    "fewer_choices": Habit(shape=lambda reply, number: {**reply, "choices": reply["choices"][: 1 + number % 2]}),
    "more_choices": Habit(shape=lambda reply, number: {**reply, "choices": [*reply["choices"], _one_more(reply)]}),
    "choices_out_of_order": Habit(shape=lambda reply, number: {**reply, "choices": reply["choices"][::-1]}),
    "choices_without_index": Habit(shape=_choices(lambda choice: {**choice, "index": None})),
    "content_in_parts": _content(lambda text: [{"type": "thinking", "thinking": []}, {"type": "text", "text": text}]),
    "content_in_pieces": _content(
        lambda text: [{"type": "text", "text": text[:3]}, {"type": "text", "text": text[3:]}]
    ),
    "error_with_200": _sometimes(lambda reply: {"error": {"message": "busy", "code": 429}}),
    "error_without_code": _sometimes(lambda reply: {"error": {"message": "Provider returned error"}}),
    "choices_null": _sometimes(lambda reply: {"choices": None}),
    "choices_empty": _sometimes(lambda reply: {**reply, "choices": []}),
    "broken_off": _sometimes(_broken),
    **{f"status_{status}": _every_second(status) for status in (408, 425, 429, 500, 504, 520, 524, 529)},
    "usage_missing": Habit(shape=lambda reply, number: {key: reply[key] for key in reply if key != "usage"}),
    "usage_null": Habit(shape=lambda reply, number: {**reply, "usage": {"prompt_tokens": None}}),
    "limit_of_the_model": Habit(_limit(300), loses=frozenset({"max_tokens"})),
}
"""By name. Of those with nothing in `loses` a client gets the same replies as of a server without habits."""
