"""A teacher's checkers for one prompt: what becomes of what it writes, with a teacher that follows a script."""

import asyncio
import json
from collections.abc import Callable, Sequence

import pytest

from spar.engines.base import Completion, Sampling
from spar.method.checker_replies import parse_checker, parse_contradiction
from spar.method.checking import Case
from spar.method.records import Message, Prompt
from spar.method.templates.forms import PromptForm, builtin_form
from spar.roles.checker_writer import CheckerForms, Teacher
from spar.roles.usage import SeedScope, Usage
from spar.roles.verified_checkers import CheckerOutcome, CheckerStatus, write_checkers

PROMPT = Prompt.of("Write in lower case.")
RIGHT = "def evaluate(response):\n    return response.islower()\n"
SAME = "def evaluate(response):\n    return response == response.lower()\n"
ALSO = "def evaluate(response):\n    return not any(map(str.isupper, response))\n"
WRONG = "def evaluate(response):\n    return response == 'Abc'\n"
TEXTS = [letter * times for letter in "abAB" for times in range(1, 4)]
CASES = json.dumps([{"response": text, "follows": text.islower()} for text in TEXTS])
CASE = json.dumps([{"response": "abc", "follows": True}])
REVERSED = CASES.replace("true", "-").replace("false", "true").replace("-", "false")


def reply(source: str, cases: str = CASES) -> str:
    return f"Here it is:\n```python\n{source}```\nand\n```json\n{cases}\n```\n"


class Script:
    """A ChatModel that says what a function of the turn's text says."""

    def __init__(self, says: Callable[[str], list[str]]) -> None:
        self.says = says

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        return [
            Completion(text=text, finish_reason="stop", prompt_tokens=1, completion_tokens=1)
            for text in self.says(messages[0].content)[:n]
        ]


def form(name: str) -> PromptForm:
    found = builtin_form("spar", name)
    assert found is not None
    return found


def prepared(
    written: list[str], meaning: str = "Use no capitals.", contradiction: str = "No"
) -> tuple[CheckerOutcome, Usage]:
    def says(asked: str) -> list[str]:
        if "contradict each other" in asked:
            return [f"Reason: x\nContradiction: {contradiction}"]
        return [meaning] if "to pass this check" in asked else written

    usage = Usage()
    forms = CheckerForms(checker=form("checker"), meaning=form("meaning"), contradiction=form("contradiction"))
    teacher = Teacher(
        Script(says), Sampling(temperature=0.7, top_p=1.0, max_tokens=99), forms, SeedScope(seed=0, iteration=0), usage
    )
    [outcome] = asyncio.run(write_checkers(teacher, [PROMPT], len(written)))
    return outcome, usage


def test_a_checker_that_its_cases_agree_with_is_kept() -> None:
    outcome, usage = prepared([reply(RIGHT), reply(WRONG), reply(SAME), reply(RIGHT)])
    assert (outcome.end, outcome.sources) == (CheckerStatus.KEPT, (RIGHT, SAME))
    assert usage.calls == 5  # written in one call; what each of the two means, and whether that contradicts


def test_the_first_three_are_translated_back_and_one_contradiction_drops_all() -> None:
    many = [reply(source.replace("def", f"# {n}\ndef")) for n, source in enumerate([RIGHT] * 5)]
    outcome, usage = prepared(many)
    assert (len(outcome.sources), usage.calls) == (5, 1 + 2 * 3)
    assert prepared(many, contradiction="Yes")[0] == CheckerOutcome(CheckerStatus.CONTRADICTED)


def test_equal_functions_and_equal_cases_count_once() -> None:
    few = json.dumps([{"response": text, "follows": text.islower()} for text in TEXTS[:9]])
    assert prepared([reply(RIGHT), reply(RIGHT), reply(SAME)])[0] == CheckerOutcome(CheckerStatus.TOO_FEW)
    assert prepared([reply(RIGHT, few), reply(SAME, few), reply(ALSO, few)])[0] == CheckerOutcome(CheckerStatus.TOO_FEW)


@pytest.mark.parametrize(
    ("written", "meaning", "contradiction", "end"),
    [
        (["no code", "```python\ndef other():\n    pass\n```"], "x", "No", CheckerStatus.NO_CHECKER),
        ([reply(RIGHT)] * 2, "x", "No", CheckerStatus.TOO_FEW),
        ([reply(RIGHT, CASE)] * 9, "x", "No", CheckerStatus.TOO_FEW),
        ([reply(RIGHT, REVERSED), reply(SAME, REVERSED), reply(ALSO, REVERSED)], "x", "No", CheckerStatus.UNTRUSTED),
        (
            [reply(f"def evaluate(response):\n    raise SystemExit({n})\n") for n in range(3)],
            "x",
            "No",
            CheckerStatus.UNTRUSTED,
        ),
        ([reply(RIGHT), reply(SAME), reply(ALSO)], "Write in capitals.", "Yes", CheckerStatus.CONTRADICTED),
        ([reply(RIGHT), reply(SAME), reply(ALSO)], "x", "(Yes or No)", CheckerStatus.UNSURE),
        ([reply(RIGHT), reply(SAME), reply(ALSO)], "", "No", CheckerStatus.UNSURE),
    ],
)
def test_a_prompt_without_a_checker_has_a_reason(
    written: list[str], meaning: str, contradiction: str, end: CheckerStatus
) -> None:
    assert prepared(written, meaning, contradiction)[0] == CheckerOutcome(end)


def test_replies_that_are_no_data_are_counted() -> None:
    _, usage = prepared([reply(RIGHT), "", "no code"])
    assert usage.failures == {"empty": 1, "unparsable": 1}


@pytest.mark.parametrize(
    "text",
    [
        "```python\nnot python at all(\n```\n```json\n[]\n```",
        f"```python\n{RIGHT}```",
        f"```json\n{CASES}\n```",
        reply(RIGHT, '{"response": "a", "follows": true}'),
        reply(RIGHT, '[{"response": "a", "follows": "yes"}]'),
        reply(RIGHT, "[" * 100_000),
        "",
    ],
)
def test_what_is_no_checker_with_cases_is_none(text: str) -> None:
    assert parse_checker(text) is None


def test_the_forms_quoted_before_are_passed_over() -> None:
    quoted = "```python\ndef evaluate(response):\n    (the check)\n    x = = 1\n```\n"
    found = parse_checker(quoted + reply(RIGHT))
    assert found is not None
    assert (found.source, found.cases[0]) == (RIGHT, Case("a", True))


@pytest.mark.parametrize(
    ("text", "said"),
    [("Contradiction: No", False), ("Contradiction: (Yes or No)\nContradiction: **Yes**", True), ("No", None)],
)
def test_a_contradiction_is_said_on_its_line(text: str, said: bool | None) -> None:
    assert parse_contradiction(text) is said
