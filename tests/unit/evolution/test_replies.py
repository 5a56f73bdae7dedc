"""What is read out of a teacher's replies, word for word: a prompt, a None, verdicts, or a typed failure."""

import pytest

from spar.evolution.records import EvolutionOutcome as End
from spar.evolution.replies import parse_check, parse_evolution
from spar.evolution.taxonomy import taxonomy_named
from spar.method.records import ReplyFailure

TAXONOMY = taxonomy_named("spar")
SEED = "Write about rain."
TEXT = "Write about rain in two paragraphs without commas."


def read(reply: str, finish_reason: str = "stop") -> tuple[End, str, tuple[str, ...] | None]:
    found = parse_evolution(reply, finish_reason, SEED, "length", TAXONOMY)
    return found.outcome, found.text, found.added


@pytest.mark.parametrize(
    ("kinds", "added"),
    [
        ("length, punctuation", ("punctuation",)),
        ("Length, Text Format, language-style; genre", ("text_format", "language_style", "genre")),
        ("punctuation, tone", ("punctuation",)),  # `tone` counts, and is no group
    ],
)
def test_a_prompt_and_the_kinds_it_names(kinds: str, added: tuple[str, ...]) -> None:
    reply = f"Constraints: {kinds}\nNew Prompt: [[start]] {TEXT} [[end]]"
    assert read(reply) == (End.EVOLVED, TEXT, added)
    assert read(f"**Constraints**: {kinds} [[start]] {TEXT} [[end]]") == (End.EVOLVED, TEXT, added)


def test_a_reply_that_names_no_kinds_is_a_prompt_all_the_same() -> None:
    assert read(f"[[start]]{TEXT}[[end]]") == (End.EVOLVED, TEXT, None)
    form = "Constraints: (the kinds that you used as the list names them, separated by commas, main first)"
    assert read(f"{form}\n[[start]]{TEXT}[[end]]") == (End.EVOLVED, TEXT, None)


@pytest.mark.parametrize(
    "remark", ["Note: the text between [[start]] and [[end]] holds both.", "`[[start]]` opens and `[[end]]` closes it."]
)
def test_a_remark_on_the_marks_is_no_prompt(remark: str) -> None:
    form = f"Constraints: length, genre\nNew Prompt: [[start]]{TEXT}[[end]]"
    assert read(f"{form}\n\n{remark}") == read(f"{remark}\n{form}") == (End.EVOLVED, TEXT, ("genre",))


@pytest.mark.parametrize("kinds", ["length", "length, keyword, symbol, genre, language"])
def test_none_or_more_than_three_added_is_a_failure(kinds: str) -> None:
    assert read(f"Constraints: {kinds}\n[[start]] {TEXT} [[end]]")[0] is End.OFF_COUNT


@pytest.mark.parametrize(
    "reply",
    [
        "[[start]] None [[end]]",
        'Constraints: none\nNew Prompt: [[start]] "None." [[end]]',
        "None",
        "This is a task of programming.\nNew Prompt: None",
    ],
)
def test_none_is_the_teachers_word_for_no(reply: str) -> None:
    assert read(reply)[0] is End.DECLINED


@pytest.mark.parametrize(
    ("reply", "finish_reason", "end"),
    [
        ("  ", "stop", End.EMPTY),
        ("[[start]] [[end]]", "stop", End.EMPTY),
        (f"New Prompt: [[start]] {TEXT}", "length", End.CUT_OFF),
        (f"New Prompt: {TEXT}", "stop", End.UNPARSABLE),
        ("Constraints: length\nNew Prompt: [[start]] ... [[end]]", "stop", End.UNPARSABLE),  # the form itself
        ("I can think of none that fits, sorry", "stop", End.UNPARSABLE),
        (f"[[start]] {SEED} [[end]]", "stop", End.UNCHANGED),
        ("New Prompt: [[start]] rain [[end]]", "stop", End.UNPARSABLE),  # one word asks for nothing
        ("The text goes between [[start]] and [[end]].\nNew Prompt: Write it.", "stop", End.UNPARSABLE),
        (f"<think>\n[[start]] {TEXT} [[end]]\n</think>\nNew Prompt: Write it.", "stop", End.UNPARSABLE),
        ("", "length", End.CUT_OFF),
    ],
)
def test_a_reply_that_is_no_prompt_is_typed(reply: str, finish_reason: str, end: End) -> None:
    assert read(reply, finish_reason) == (end, "", None)


@pytest.mark.parametrize(
    ("verdicts", "end"),
    [
        (("Yes", "Yes", "Yes"), End.EVOLVED),
        (("no", "Yes", "Yes"), End.UNANSWERABLE),
        (("No", "No", "No"), End.UNANSWERABLE),
        (("Yes", "NO", "No"), End.INCONSISTENT),
        (("Yes", "Yes", "No, it is not"), End.MAIN_UNUSED),
    ],
)
def test_a_check_is_read(verdicts: tuple[str, str, str], end: End) -> None:
    one, two, three = verdicts
    reply = f"Reasons: fine.\nAnswerable: {one}\n**Consistent:** {two}\nMain constraint used: {three}"
    assert parse_check(reply, "stop").outcome is end
    assert (
        parse_check(f"Answerable : {one} ; Consistent : {two} ; Main constraint used : {three}", "stop").outcome is end
    )


def test_the_last_verdict_counts_and_the_form_is_none() -> None:
    form = "Answerable: (Yes or No)\nConsistent: Yes/No\nMain constraint used: (Yes or No)"
    assert parse_check(form, "stop").failure is ReplyFailure.UNPARSABLE
    said = "Answerable: No, or rather:\nAnswerable: Yes\nConsistent: Yes\nMain constraint used: Yes"
    assert parse_check(f"{said}\n{form}", "stop").outcome is End.EVOLVED


@pytest.mark.parametrize(
    ("reply", "finish_reason", "failure"),
    [
        ("", "stop", ReplyFailure.EMPTY),
        ("Answerable: Yes\nConsistent: Yes", "stop", ReplyFailure.UNPARSABLE),
        ("Answerable: Yes\nConsistent: Yes", "length", ReplyFailure.CUT_OFF),
        ("Answerable: Yes\nConsistent: perhaps\nMain constraint used: Yes", "stop", ReplyFailure.UNPARSABLE),
    ],
)
def test_a_check_that_cannot_be_read_is_typed(reply: str, finish_reason: str, failure: ReplyFailure) -> None:
    check = parse_check(reply, finish_reason)
    assert (check.failure, check.outcome) == (failure, End.UNCHECKED)
