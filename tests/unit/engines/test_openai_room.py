"""How many tokens a refusal says there is room for: of every call, or of this one."""

import pytest

from spar.engines.openai_room import Room, room_in

ALWAYS = {
    "max_tokens=3072 cannot be greater than max_model_len=2048. Please request fewer output tokens. "
    "(parameter=max_tokens, value=3072)": 2048,
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided "
    "100000.": 16384,
    "max_tokens: 200000 > 8192, which is the maximum allowed number of output tokens for claude": 8192,
    "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]": 8192,
    "Range of max_tokens should be [1, 6144]": 6144,
    "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the "
    "`context_window` for this model": 8192,
    "Unable to submit request because it has a maxOutputTokens value of 100000 but the supported range is from 1 "
    "(inclusive) to 8193 (exclusive).": 8192,
    "max_tokens must be at most 4,096": 4096,
}
THIS_CALL = {
    "'max_tokens' or 'max_completion_tokens' is too large: 2048. This model's maximum context length is 4096 tokens "
    "and your request has 3500 input tokens (2048 > 4096 - 3500). None": 596,
    "You passed 3500 input tokens and requested 2048 output tokens. However, the model's context length is only 4096 "
    "tokens, resulting in a maximum input length of 2048 tokens.": 596,
    "This model's maximum context length is 4097 tokens. However, you requested 5000 tokens (2000 in the messages, "
    "3000 in the completion). Please reduce the length of the messages or completion.": 2097,
    "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens`"
    " and try again": 11760,
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3500 `inputs` tokens and 2048 "
    "`max_new_tokens`": 596,
    "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 5548 "
    "tokens: 3500 tokens from the input messages and 2048 tokens for the completion.": 596,
    "This endpoint's maximum context length is 4096 tokens. However, you requested about 5000 tokens (3000 of text "
    "input, 2000 in the output).": 1096,
}
NONE = (
    "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens in the messages",
    "'max_tokens' is too large: 2048. This model's maximum context length is 4096 tokens and your request has 4096 "
    "input tokens",
    "the request exceeds the available context size, try increasing it",
    "temperature must be less than or equal to 2",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "",
)


@pytest.mark.parametrize(("message", "tokens"), ALWAYS.items())
def test_a_limit_of_the_model(message: str, tokens: int) -> None:
    assert room_in(message) == Room(tokens, always=True)


@pytest.mark.parametrize(("message", "tokens"), THIS_CALL.items())
def test_what_this_prompt_leaves(message: str, tokens: int) -> None:
    assert room_in(message) == Room(tokens, always=False)


@pytest.mark.parametrize("message", NONE)
def test_no_room_at_all_or_no_word_of_it(message: str) -> None:
    assert room_in(message) is None
