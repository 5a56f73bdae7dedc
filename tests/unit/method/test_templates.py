from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.errors import RecipeError
from spar.method.records import Message, ReplyFailure
from spar.method.refinements import parse_refinement
from spar.method.templates import BUILTIN, TemplateSet, builtin_templates, read_templates
from spar.method.verdicts import parse_vote

TINY = TemplateSet(name="tiny", judge="judge $prompt / $response", refine="refine it")


def test_the_papers_form_has_its_markers() -> None:
    spar = builtin_templates("spar")
    assert "Step-by-step verification:" in spar.judge
    assert "Final Judgement (if the Output accurately follows the Prompt): (Yes or No)" in spar.judge
    assert "Reflection on how to refine the Output:" in spar.refine
    assert "Final Refined Output: [[start]] ... [[end]]" in spar.refine


def test_the_papers_form_itself_is_no_data() -> None:
    spar = builtin_templates("spar")
    assert parse_vote(spar.judge, "stop").failure is ReplyFailure.UNPARSABLE
    assert parse_refinement(spar.refine, "stop", "parent").failure is ReplyFailure.UNPARSABLE


@pytest.mark.parametrize("name", BUILTIN)
def test_builtin_sets_fill_in_prompt_and_response(name: str) -> None:
    (asked,) = builtin_templates(name).judge_messages("the prompt", "the response")
    assert asked.role == "user"
    assert "the prompt" in asked.content
    assert "the response" in asked.content


def test_a_refinement_is_asked_in_three_turns() -> None:
    assert TINY.refine_messages("p", "r", "it is $bad") == (
        Message("user", "judge p / r"),
        Message("assistant", "it is $bad"),
        Message("user", "refine it"),
    )


@given(st.text(), st.text())
def test_what_is_filled_in_is_never_expanded(prompt: str, response: str) -> None:
    prompt, response = f"{prompt} $response ${{prompt}} $$", f"$prompt {response} $other %s {{0}}"
    assert TINY.judge_messages(prompt, response)[0].content == f"judge {prompt} / {response}"


def test_a_dollar_is_written_twice() -> None:
    assert (
        TemplateSet(name="d", judge="$$5 $prompt $response", refine="x").judge_messages("p", "r")[0].content == "$5 p r"
    )


@pytest.mark.parametrize(
    ("judge", "refine", "message"),
    [
        ("$prompt $response $critique", "x", r"judge template .* uses \$critique"),
        ("$prompt $response", "x $Prompt", r"refine template .* uses \$Prompt"),
        ("$prompt $response costs $5", "x", r"stray \$"),
        ("$prompt", "x", "leaves something out"),
    ],
)
def test_wrong_templates_are_refused(judge: str, refine: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        TemplateSet(name="own", judge=judge, refine=refine)


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "judge.txt").write_text(" $prompt\n$response\n")
    with pytest.raises(RecipeError, match=r"no readable refine.txt"):
        read_templates("own", tmp_path)
    (tmp_path / "refine.txt").write_text("again\n")
    assert read_templates("own", tmp_path) == TemplateSet(name="own", judge=" $prompt\n$response", refine="again")


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(RecipeError, match="no template set 'paper'"):
        builtin_templates("paper")
