"""Whether training data are worded as the templates: by the fixed text around whatever was filled in."""

import pytest

from spar.method.records import Example, ExampleKind, Message
from spar.method.templates import TemplateSet, builtin_templates
from spar.method.templates.forms import builtin_form
from spar.method.templates.matching import OtherForms, has_form, other_forms

SPAR, COMPACT = builtin_templates("spar"), builtin_templates("compact")
OTHER = TemplateSet(name="other", judge="Look at $response, written for $prompt. Is it right?", refine="Now mend it.")
JUDGMENT, REFINEMENT = "Final Judgement: No", "[[start]] x [[end]]"


def judgment(templates: TemplateSet, reply: str = JUDGMENT) -> Example:
    return row(*templates.judge_messages("Write 20 words.", "Some text."), Message("assistant", reply))


def refinement(templates: TemplateSet, reply: str = REFINEMENT) -> Example:
    asked = templates.refine_messages("Write 20 words.", "Some text.", JUDGMENT)
    return row(*asked, Message("assistant", reply))


def row(*messages: Message) -> Example:
    return Example("", ExampleKind.MIXED, messages)


@pytest.mark.parametrize("templates", [SPAR, COMPACT, OTHER])
def test_a_form_is_recognised_whatever_is_filled_in(templates: TemplateSet) -> None:
    for prompt, response in (("a", "b"), ("", ""), ('He said: "x"\n\nOutput: "y"', "$prompt Response : z")):
        [turn] = templates.judge_messages(prompt, response)
        assert has_form(templates.judge, turn.content)
        assert has_form(templates.judge, turn.content.replace("\n", "\n    "))
    others = [each for each in (SPAR, COMPACT, OTHER) if each is not templates]
    assert not any(has_form(each.judge, templates.judge_messages("a", "b")[0].content) for each in others)


def test_what_ends_otherwise_or_lacks_a_part_has_another_form() -> None:
    assert has_form("A $prompt B $response C", "A x B y C")
    assert not has_form("A $prompt B $response C", "A x B y C!")
    assert not has_form("A $prompt B $response C", "A x y C")
    assert not has_form("A $prompt B $response B C", "A x B C")  # one B cannot be two
    assert has_form("costs $$5: $prompt", "costs $5: x")
    assert has_form("Now mend it.", "Now  mend it.\n")
    assert not has_form("Now mend it.", "Now mend it, please.")


def test_lessons_in_other_words_are_counted() -> None:
    rows = [judgment(SPAR), judgment(OTHER), judgment(OTHER), refinement(SPAR), refinement(OTHER)]
    assert other_forms(rows, SPAR, [], all_are_lessons=True) == OtherForms(
        judgments=3, other_judgments=2, refinements=2, other_refinements=1
    )
    assert other_forms(rows, OTHER, [], all_are_lessons=True) == OtherForms(
        judgments=3, other_judgments=1, refinements=2, other_refinements=1
    )
    half = TemplateSet(name="half", judge=SPAR.judge, refine=OTHER.refine)
    assert other_forms([refinement(half)], SPAR, [], all_are_lessons=True).other_refinements == 1


def test_a_judge_that_scores_is_prompted_by_its_own_form() -> None:
    score = builtin_form("spar", "score")
    assert score is not None
    scored = row(*score.messages(prompt="a", response="b"), Message("assistant", "Score: 5"))
    assert other_forms([scored], SPAR, [score], all_are_lessons=True).differing == 0
    assert other_forms([scored], SPAR, [], all_are_lessons=True).differing == 1


def test_responses_are_no_lessons_unless_all_rows_are() -> None:
    response = row(Message("user", "Name a colour."), Message("assistant", "Red."))
    mixed = [response, judgment(OTHER), refinement(OTHER), judgment(OTHER, "I cannot tell.")]
    assert other_forms(mixed, SPAR, [], all_are_lessons=False) == OtherForms(
        judgments=1, other_judgments=1, refinements=1, other_refinements=1
    )
    assert other_forms(mixed, SPAR, [], all_are_lessons=True) == OtherForms(
        judgments=3, other_judgments=3, refinements=1, other_refinements=1
    )
