"""Selection policies: which row a prompt gives, or which outcome says why it gives none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.method.records import (
    Example,
    ExampleKind,
    JudgedPrompt,
    JudgedResponse,
    Judgment,
    JudgmentFailure,
    Node,
    Outcome,
    Pair,
    Prompt,
    Response,
    Tree,
    Verdict,
)
from spar.method.selecting import SELECTING, Choice, Material
from tests.unit.method.builders import PROMPT, any_judged, judged_prompt, judgment, root


def scores(*values: float | None, texts: list[str] | None = None, good: float = 4) -> JudgedPrompt:
    """A prompt whose responses have these values; None is a response without a quorum."""
    responses = []
    for index, value in enumerate(values):
        text = texts[index] if texts else f"response {index}"
        label = None if value is None else Verdict.YES if value >= good else Verdict.NO
        failure = JudgmentFailure.NO_QUORUM if value is None else None
        responses.append(
            JudgedResponse(
                Response(index, text), Judgment(votes=(), label=label, failure=failure, value=value, critique=None)
            )
        )
    return JudgedPrompt(PROMPT, tuple(responses))


def choose(policy: str, judged: JudgedPrompt, tree: Tree | None = None, seed: int = 1, **options: float) -> Choice:
    found = SELECTING[policy]
    return found.choose(Material(judged, tree, seed, {**found.options, **options}))


def sides(choice: Choice) -> tuple[str, str]:
    assert isinstance(choice, Pair)
    return choice.chosen, choice.rejected


def test_extremes_are_the_best_over_the_worst() -> None:
    assert sides(choose("extremes", scores(3, 5, 1, 4))) == ("response 1", "response 2")


def test_of_equals_the_first_counts() -> None:
    assert sides(choose("extremes", scores(5, 5, 2, 2))) == ("response 0", "response 2")


@pytest.mark.parametrize(
    ("judged", "outcome"),
    [
        (scores(3, 3, 3), Outcome.EQUAL_SCORES),
        (scores(None, None), Outcome.UNPARSABLE),
        (scores(5, None), Outcome.UNPARSABLE),
        (scores(5, 1, texts=["same", "same"]), Outcome.EQUAL_SCORES),
    ],
)
def test_no_extremes_have_a_reason(judged: JudgedPrompt, outcome: Outcome) -> None:
    assert choose("extremes", judged) is outcome


def test_the_same_text_is_not_on_both_sides() -> None:
    assert sides(choose("extremes", scores(5, 1, 2, texts=["a", "a", "b"]))) == ("a", "b")


def test_extremes_take_verdicts_too_and_leave_out_what_has_no_quorum() -> None:
    assert sides(choose("extremes", judged_prompt("yynnn", "yyyyn", "-----", "nnnnn"))) == ("response 1", "response 3")


LENGTHS = ["a b c", "a", "d e f g", "d e"]


def test_with_rho_zero_only_equal_scores_are_told_apart_by_length() -> None:
    judged = scores(5, 5, 1, 1, texts=LENGTHS)
    assert sides(choose("length_controlled", judged)) == ("a", "d e f g")


def test_nearly_best_is_good_enough_if_it_is_shorter() -> None:
    judged = scores(5, 4.8, 1, 2, texts=LENGTHS)
    assert sides(choose("length_controlled", judged, rho=0.0)) == ("a b c", "d e f g")
    assert sides(choose("length_controlled", judged, rho=0.1)) == ("a", "d e f g")


def test_a_chosen_response_may_be_too_long_for_a_pair() -> None:
    judged = scores(5, 1, texts=["a b c", "d"])
    assert sides(choose("length_controlled", judged, max_chars=5)) == ("a b c", "d")
    assert choose("length_controlled", judged, max_chars=4) is Outcome.TOO_LONG


def test_a_rho_that_takes_all_for_best_and_worst_gives_no_pair_that_is_none() -> None:
    assert choose("length_controlled", scores(5, 1, texts=["a b c", "a"]), rho=1.0) is Outcome.EQUAL_SCORES
    assert choose("length_controlled", scores(4, 4)) is Outcome.EQUAL_SCORES


def test_what_passed_is_an_example_of_the_best() -> None:
    choice = choose("passed", scores(4, 5, 2))
    assert isinstance(choice, Example)
    assert choice.kind is ExampleKind.RESPONSE
    assert [(m.role, m.content) for m in choice.messages] == [("user", PROMPT.text), ("assistant", "response 1")]


@pytest.mark.parametrize("policy", ["passed", "pass_rate"])
@pytest.mark.parametrize(
    ("judged", "outcome"),
    [
        (scores(3, 1), Outcome.UNSOLVED),
        (scores(None, None), Outcome.UNPARSABLE),
        (judged_prompt("yynn-", "-----"), Outcome.TIED),
        (judged_prompt(None, None), Outcome.UNPARSABLE),
    ],
)
def test_nothing_passed_has_a_reason(policy: str, judged: JudgedPrompt, outcome: Outcome) -> None:
    assert choose(policy, judged) is outcome


def test_pass_rate_prefers_what_passes_half_over_what_passes_nothing() -> None:
    judged = scores(0.5, 1.0, 0.0, 0.25, good=0.5)
    assert sides(choose("pass_rate", judged)) == ("response 1", "response 2")
    assert choose("pass_rate", scores(1.0, 0.5, good=0.5)) is Outcome.ALL_GOOD


TREE = Tree(
    prompt=PROMPT,
    nodes=(root(), Node(path=(0,), text="better", judgment=judgment("yyyyn"), reply="r")),
    best=(0,),
    solved=True,
)


def test_a_refinement_that_passes_is_an_example() -> None:
    bad = judged_prompt("nnnnn")
    choice = choose("refined_passed", bad, TREE)
    assert isinstance(choice, Example)
    assert choice.messages[1].content == "better"
    assert choose("refined_passed", bad, None) is Outcome.ENGINE_FAILED
    assert choose("refined_passed", judged_prompt("yyyyy"), None) is Outcome.ALL_GOOD
    assert (
        choose("refined_passed", bad, Tree(prompt=PROMPT, nodes=(root(),), best=None, solved=False)) is Outcome.UNSOLVED
    )


def test_a_response_that_is_good_already_is_kept_unrefined() -> None:
    kept = choose("good_or_refined", judged_prompt("yyyyy"))
    assert isinstance(kept, Example)
    assert kept.messages[1].content == "response 0"
    bad = judged_prompt("nnnnn")
    assert choose("good_or_refined", bad, TREE) == choose("refined_passed", bad, TREE)
    assert (
        choose("good_or_refined", bad, Tree(prompt=PROMPT, nodes=(root(),), best=None, solved=False))
        is Outcome.UNSOLVED
    )
    assert choose("good_or_refined", judged_prompt("yynn-")) is Outcome.TIED


def test_a_given_response_is_taken_whatever_was_judged_of_it() -> None:
    choice = choose("given", judged_prompt(None, "nnnnn"))
    assert isinstance(choice, Example)
    assert choice.messages[1].content == "response 1"
    assert choose("given", judged_prompt(None, None)) is Outcome.UNPARSABLE


def test_a_lesson_gives_the_actor_nothing() -> None:
    bad = judged_prompt("nnnnn")
    assert choose("lessons", bad, TREE) is Outcome.LESSON
    assert choose("lessons", bad, Tree(prompt=PROMPT, nodes=(root(),), best=None, solved=False)) is Outcome.UNSOLVED
    assert choose("lessons", bad, None) is Outcome.ENGINE_FAILED
    assert choose("lessons", judged_prompt("yyyyy"), None) is Outcome.ALL_GOOD


def test_what_was_judged_without_a_search_is_a_lesson_whichever_way_it_went() -> None:
    assert choose("judged", judged_prompt("yyyyy"), None) is Outcome.LESSON
    assert choose("judged", judged_prompt("nnnnn"), None) is Outcome.LESSON
    assert choose("judged", judged_prompt("--", "nnnyy"), None) is Outcome.LESSON
    assert choose("judged", judged_prompt("yynn"), None) is Outcome.TIED
    assert choose("judged", judged_prompt("----", None), None) is Outcome.UNPARSABLE


@given(any_judged, st.sampled_from(sorted(SELECTING)), st.integers(0, 99))
def test_any_policy_gives_a_row_of_its_kind_or_a_reason(judged: JudgedPrompt, name: str, seed: int) -> None:
    policy = SELECTING[name]
    tree = Tree(prompt=judged.prompt, nodes=(root(),), best=None, solved=False) if policy.searches else None
    choice = choose(name, judged, tree, seed)
    if isinstance(choice, Outcome):
        assert choice not in (Outcome.PAIR, Outcome.EXAMPLE)
    else:
        assert isinstance(choice, Pair if policy.makes == "pairs" else Example)
    if isinstance(choice, Pair):
        texts = {item.response.text for item in judged.responses}
        assert {choice.chosen, choice.rejected} <= texts
        assert choice.chosen != choice.rejected
    assert choose(name, judged, tree, seed) == choice
    assert isinstance(judged.prompt, Prompt)
