"""A prompt's checkers: code that says whether a response follows it (AutoIF, arXiv 2406.13542). Runs none of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckedPrompt:
    """`checkers` are Python sources, each with a function `evaluate(response)` that returns True or False."""

    prompt_id: str
    checkers: tuple[str, ...]
