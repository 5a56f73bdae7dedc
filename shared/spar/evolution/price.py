"""The cost of an evolution, before any request: calls, tokens and money, likely and at most.

Calls are exact except for retries and prompts that end early. Tokens are estimated from characters, since the tokenizer
of a remote teacher is not available. Plain arithmetic; makes no request.
"""

from dataclasses import dataclass

from spar.evolution.forms import FormSet
from spar.evolution.taxonomy import Taxonomy

CHARACTERS_PER_TOKEN = 4.0
"""For English text in the tokenizers of chat models; Chinese or code takes more tokens, so such seeds cost more."""
ADDED_CHARACTERS = 300
"""Added to a prompt by constraints: three or four sentences."""
FRAME_CHARACTERS = 80
"""In an evolve reply besides the prompt: the line of kinds and the marks."""
CHECK_CHARACTERS = 300
"""A check's reply: two sentences of reasons and three verdicts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolutionWork:
    """Seed prompts still to evolve, evolved ones still to check, and their characters."""

    to_evolve: int
    evolve_characters: int
    to_check: int
    check_characters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Price of a million tokens, in any one currency; None: not given."""

    prompt: float | None = None
    completion: float | None = None

    def money(self, prompt_tokens: float, completion_tokens: float) -> float | None:
        if self.prompt is None and self.completion is None:
            return None
        return ((self.prompt or 0.0) * prompt_tokens + (self.completion or 0.0) * completion_tokens) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    calls: int
    prompt_tokens: int
    completion_tokens: int
    money: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceEstimate:
    """`likely` has no retries and checks every prompt; `at_most` retries each call and fills every reply."""

    work: EvolutionWork
    likely: Cost
    at_most: Cost


def estimate(
    work: EvolutionWork, forms: FormSet, taxonomy: Taxonomy, retries: int, max_tokens: int, prices: Prices
) -> PriceEstimate:
    """Calls, tokens and money of the work: likely, and at most, if every reply fails `retries` times and reaches
    `max_tokens`. Token counts are estimated from characters.
    """
    evolve_form = _mean([len(forms.evolve_messages("", group, taxonomy)[0].content) for group in taxonomy.groups])
    check_form = _mean([len(forms.validate_messages("", group)[0].content) for group in taxonomy.groups])
    written = work.evolve_characters + work.to_evolve * ADDED_CHARACTERS
    checks = work.to_evolve + work.to_check
    prompt_characters = work.to_evolve * evolve_form + work.evolve_characters + checks * check_form
    reply_characters = written + work.to_evolve * FRAME_CHARACTERS + checks * CHECK_CHARACTERS
    likely = _cost(
        work.to_evolve + checks,
        _tokens(prompt_characters + written + work.check_characters),
        _tokens(reply_characters),
        prices,
    )
    tries = 1 + retries
    longest = work.to_evolve * max_tokens + _tokens(work.check_characters)
    at_most = _cost(
        tries * likely.calls,
        tries * (_tokens(prompt_characters) + longest),
        tries * likely.calls * max_tokens,
        prices,
    )
    return PriceEstimate(work=work, likely=likely, at_most=at_most)


def _cost(calls: int, prompt_tokens: int, completion_tokens: int, prices: Prices) -> Cost:
    return Cost(
        calls=calls,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        money=prices.money(prompt_tokens, completion_tokens),
    )


def _tokens(characters: float) -> int:
    return round(characters / CHARACTERS_PER_TOKEN)


def _mean(lengths: list[int]) -> float:
    return sum(lengths) / len(lengths)
