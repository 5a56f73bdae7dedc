"""Generation policies: what a reply is to the rest of the loop."""

from spar.method.generating import GENERATING
from spar.method.records import Prompt, ReplyFailure

TEXT = Prompt.of("knife harp moss echo")


def test_responding_keeps_the_prompt() -> None:
    policy = GENERATING["respond"]
    row = policy.arrange(TEXT, [policy.read(0, " a ", "stop"), policy.read(1, "b", "length")])
    assert row.prompt == TEXT
    assert [(r.text, r.failure) for r in row.responses] == [("a", None), ("b", ReplyFailure.CUT_OFF)]


def test_an_instruction_becomes_the_prompt_and_the_text_its_response() -> None:
    policy = GENERATING["instruct"]
    row = policy.arrange(TEXT, [policy.read(0, "words 4", "stop")])
    assert row.prompt == Prompt.of("words 4")
    assert [(r.text, r.failure) for r in row.responses] == [(TEXT.text, None)]


def test_a_text_whose_instruction_failed_is_not_judged() -> None:
    policy = GENERATING["instruct"]
    [response] = policy.arrange(TEXT, [policy.read(0, "", "stop")]).responses
    assert response.failure is ReplyFailure.EMPTY
