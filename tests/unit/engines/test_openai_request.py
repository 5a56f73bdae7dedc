"""What is sent, and what refusals teach about it."""

from typing import Any

import pytest

from spar.engines.base import Adjustment, Sampling
from spar.engines.openai_errors import ServerError
from spar.engines.openai_request import ChatRequest, RequestShape, adapted, build
from spar.method.records import Message

ASKED = (Message("user", "Hi"),)
WARM = Sampling(temperature=0.7, top_p=0.9, max_tokens=512)
PLAIN = RequestShape()


def request(shape: RequestShape = PLAIN, n: int = 1, sampling: Sampling = WARM, **extra: Any) -> ChatRequest:
    return build(shape, "m", ASKED, n, sampling, 5, extra)


def test_everything_is_sent_until_something_is_refused() -> None:
    made = request(n=3, chat_template_kwargs={"enable_thinking": False})
    assert made.body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 512,
        "n": 3,
        "seed": 5,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert made.adjustments == ()
    assert "seed" not in build(PLAIN, "m", ASKED, 1, WARM, None, {}).body


def test_what_is_left_out_is_an_adjustment_unless_it_changes_nothing() -> None:
    shape = RequestShape(renamed=True, left_out=frozenset({"temperature", "top_p", "seed"}), most_tokens=100)
    made = request(shape)
    assert made.body.keys() == {"model", "messages", "max_completion_tokens"}
    assert made.max_tokens == 100
    assert set(made.adjustments) == set(Adjustment)
    assert request(shape, sampling=Sampling(temperature=1.0, top_p=1.0, max_tokens=100)).adjustments == (
        Adjustment.SEED_NOT_SENT,
    )
    assert build(shape, "m", ASKED, 1, Sampling(temperature=1.0, top_p=1.0, max_tokens=9), None, {}).adjustments == ()


def test_no_more_is_requested_than_the_model_has_positions() -> None:
    made = request(RequestShape(positions=100))
    assert (made.max_tokens, made.adjustments) == (100, (Adjustment.MAX_TOKENS_LOWERED,))
    assert RequestShape(renamed=True).lasting(RequestShape(positions=100)).positions == 100


CASES: dict[str, tuple[ServerError, RequestShape | None]] = {
    "gpt-5 max_tokens": (
        ServerError(
            status=400,
            message="Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
            "instead.",
            code="unsupported_parameter",
            type="invalid_request_error",
            param="max_tokens",
        ),
        RequestShape(renamed=True),
    ),
    "gpt-5 temperature": (
        ServerError(
            status=400,
            message="Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value "
            "is supported.",
            code="unsupported_value",
            type="invalid_request_error",
            param="temperature",
        ),
        RequestShape(left_out=frozenset({"temperature"})),
    ),
    "temperature without a parameter": (
        ServerError(status=400, message="`temperature` is deprecated for this model."),
        RequestShape(left_out=frozenset({"temperature"})),
    ),
    "claude": (
        ServerError(
            status=400,
            message="`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ),
        RequestShape(left_out=frozenset({"top_p"})),
    ),
    "seed, FastAPI": (
        ServerError(
            status=422, message="Extra inputs are not permitted", code="", type="extra_forbidden", param="seed"
        ),
        RequestShape(left_out=frozenset({"seed"})),
    ),
    "seed, words": (
        ServerError(status=400, message="Unrecognized request argument supplied: seed"),
        RequestShape(left_out=frozenset({"seed"})),
    ),
    "seed above 32 bits, Gemini": (
        ServerError(
            status=400,
            message="Invalid value at 'generation_config.seed' (TYPE_INT32), 4283102934",
            code="INVALID_ARGUMENT",
        ),
        RequestShape(left_out=frozenset({"seed"})),
    ),
    "seed out of range": (
        ServerError(
            status=400,
            message="Invalid 'seed': integer above maximum value.",
            code="integer_above_max_value",
            param="seed",
        ),
        RequestShape(left_out=frozenset({"seed"})),
    ),
    "another's range, FastAPI": (
        ServerError(
            status=422, message='[{"loc": ["body", "min_p"], "msg": "seed or min_p is out of range"}]', param="min_p"
        ),
        None,
    ),
    "max_tokens is an extra field": (
        ServerError(
            status=422, message="extra fields not permitted", code="", type="value_error.extra", param="max_tokens"
        ),
        RequestShape(renamed=True),
    ),
    "vllm limit": (
        ServerError(status=400, message="max_tokens=512 cannot be greater than max_model_len=128."),
        RequestShape(most_tokens=128),
    ),
    "vllm room": (
        ServerError(
            status=400,
            message="'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context length is "
            "400 tokens and your request has 300 input tokens (512 > 400 - 300).",
        ),
        RequestShape(call_tokens=100),
    ),
    "limit above what was sent": (ServerError(status=400, message="max_tokens must be at most 9000"), None),
    "range": (
        ServerError(status=400, message="temperature must be less than or equal to 0.5", param="temperature"),
        None,
    ),
    "too long": (ServerError(status=400, message="maximum context length exceeded; top_p is not supported"), None),
    "another": (
        ServerError(status=400, message="Unknown parameter: chat_template_kwargs", param="chat_template_kwargs"),
        None,
    ),
    "status": (ServerError(status=401, message="top_p is not supported"), None),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_refusal_teaches(name: str) -> None:
    error, expected = CASES[name]
    assert adapted(PLAIN, request(), error) == expected


@pytest.mark.parametrize("message", ["`top_p` must be > 0.0 and < 1.0", "top_p must be in (0, 1), got 1.0"])
def test_a_refused_value_that_is_the_default_is_left_out_and_changes_nothing(message: str) -> None:
    neutral = Sampling(temperature=0.7, top_p=1.0, max_tokens=512)
    sent = build(PLAIN, "m", ASKED, 1, neutral, 5, {})
    shape = adapted(PLAIN, sent, ServerError(status=422, message=message))
    assert shape == RequestShape(left_out=frozenset({"top_p"}))
    assert shape is not None
    assert build(shape, "m", ASKED, 1, neutral, 5, {}).adjustments == ()


def test_a_refused_value_of_the_recipe_is_an_error() -> None:
    assert adapted(PLAIN, request(), ServerError(status=422, message="`top_p` must be > 0.0 and < 0.5")) is None


N_REFUSED = (
    ServerError(status=400, message="Only one completion choice is allowed"),
    ServerError(status=400, message="Extra inputs are not permitted", param="n"),
    ServerError(status=422, message="Input should be less than or equal to 1", type="less_than_equal", param="n"),
    ServerError(
        status=400, message="Invalid value for 'candidateCount': multiple candidates is not enabled for this model"
    ),
    ServerError(status=501, message="no"),
)


@pytest.mark.parametrize("error", N_REFUSED)
def test_any_refusal_of_several_choices_is_settled_by_one_choice(error: ServerError) -> None:
    shape = adapted(PLAIN, request(n=3), error)
    assert shape == RequestShape(one_choice=True)
    assert shape is not None
    assert request(shape, n=3).n == 1
    assert adapted(shape, request(shape, n=3), error) is None


def test_a_parameter_is_tried_before_the_number_of_choices() -> None:
    error = ServerError(status=400, message="top_p is not supported")
    assert adapted(PLAIN, request(n=3), error) == RequestShape(left_out=frozenset({"top_p"}))


def test_adaptations_end() -> None:
    """Whatever a server says, again and again: a few steps, then it is believed."""
    for error in [error for error, _ in CASES.values()] + list(N_REFUSED):
        shape: RequestShape | None = PLAIN
        steps = 0
        while shape is not None:
            shape = adapted(shape, request(shape, n=3), error)
            steps += 1
        assert steps <= 6


def test_only_what_holds_for_further_calls_is_kept() -> None:
    one = RequestShape(renamed=True, most_tokens=100, call_tokens=5)
    other = RequestShape(left_out=frozenset({"seed"}), one_choice=True, most_tokens=50)
    assert one.lasting(other) == RequestShape(
        renamed=True, left_out=frozenset({"seed"}), one_choice=True, most_tokens=50
    )
