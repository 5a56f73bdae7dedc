"""Negatives, pairs, outcomes and seeds."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.errors import AccountingError
from spar.method import search
from spar.method.negatives import choose_negative
from spar.method.outcomes import count_outcomes, first_outcome
from spar.method.pairs import mark_contaminated, mark_duplicates, refined_pair, sampled_pair
from spar.method.policies import SearchPolicy
from spar.method.records import (
    Example,
    ExampleKind,
    JudgedPrompt,
    JudgedResponse,
    Node,
    Outcome,
    Pair,
    Prompt,
    ReplyFailure,
    Response,
    Tree,
    Verdict,
    Vote,
)
from spar.method.seeds import derive_seed
from spar.method.selecting import SELECTING, Material
from spar.method.voting import tally
from tests.unit.method.builders import (
    PROMPT,
    Models,
    any_judged,
    any_models,
    any_policy,
    judged_prompt,
    judgment,
    root,
)


@pytest.mark.parametrize(
    ("votes", "outcome"),
    [
        ((), Outcome.UNPARSABLE),
        ((None, "-----"), Outcome.UNPARSABLE),
        (("yy---",), Outcome.UNPARSABLE),
        (("yynn-", "yyyyy"), Outcome.TIED),
        (("yynn-", None), Outcome.TIED),
        (("yyyyy", "yyynn"), Outcome.ALL_GOOD),
        (("yyyyy", "-----", None), Outcome.ALL_GOOD),
    ],
)
def test_no_negative_has_a_reason(votes: tuple[str | None, ...], outcome: Outcome) -> None:
    assert choose_negative(judged_prompt(*votes), seed=1) is outcome


@pytest.mark.parametrize(
    ("failures", "outcome"),
    [
        ("tt", Outcome.CONTEXT_EXCEEDED),
        ("rr", Outcome.REFUSED),
        ("rt", Outcome.REFUSED),
        ("te", Outcome.UNPARSABLE),
        ("tj", Outcome.CONTEXT_EXCEEDED),  # a response whose judging does not fit
        ("tu", Outcome.UNPARSABLE),  # one whose votes cannot be read
    ],
)
def test_what_could_never_be_drawn_is_told_from_what_cannot_be_read(failures: str, outcome: Outcome) -> None:
    unread = Vote("hm", failure=ReplyFailure.UNPARSABLE)
    too_long = Vote("The prompt has 9000 tokens.", failure=ReplyFailure.TOO_LONG)
    items = {
        "t": JudgedResponse(Response(0, "", ReplyFailure.TOO_LONG), None),
        "r": JudgedResponse(Response(0, "", ReplyFailure.REFUSED), None),
        "e": JudgedResponse(Response(0, "", ReplyFailure.EMPTY), None),
        "j": JudgedResponse(Response(0, "rain"), tally([too_long] * 5, 3)),
        "u": JudgedResponse(Response(0, "rain"), tally([unread, too_long], 3)),
    }
    judged = JudgedPrompt(PROMPT, tuple(items[failure] for failure in failures))
    assert choose_negative(judged, 1) is outcome
    assert SELECTING["extremes"].choose(Material(judged, None, 1, {})) is outcome
    assert SELECTING["judged"].choose(Material(judged, None, 1, {})) is outcome


def test_the_negative_is_drawn_among_the_bad() -> None:
    judged = judged_prompt("nnnnn", "yyyyy", "nnnyy", "yynn-", None, "nnn--")
    drawn = {choose_negative(judged, seed).response.index for seed in range(50)}  # type: ignore[union-attr]
    assert drawn == {0, 2, 5}
    assert choose_negative(judged, 7) == choose_negative(judged, 7)


def test_a_refined_pair_is_the_best_text_over_the_root() -> None:
    nodes = (
        root(),
        Node(path=(0,), text="half", judgment=judgment("yynnn"), reply="r"),
        Node(path=(0, 0), text="good", judgment=judgment("yyyyn"), reply="r"),
    )
    tree = Tree(prompt=PROMPT, nodes=nodes, best=(0, 0), solved=True)
    assert refined_pair(tree) == Pair(prompt=PROMPT, chosen="good", rejected="negative")


@pytest.mark.parametrize(
    "tree",
    [
        Tree(prompt=PROMPT, nodes=(root(),), best=None, solved=False),
        Tree(
            prompt=PROMPT,
            nodes=(root(), Node(path=(0,), text="half", judgment=judgment("yynnn"), reply="r")),
            best=(0,),
            solved=False,
        ),
        Tree(
            prompt=PROMPT,
            nodes=(root(), Node(path=(0,), text="negative\n", judgment=judgment("yyyyy"), reply="r")),
            best=(0,),
            solved=True,
        ),
    ],
)
def test_no_pair_from_a_tree_without_a_solution(tree: Tree) -> None:
    assert refined_pair(tree) is Outcome.UNSOLVED


@given(any_models, any_policy)
def test_any_tree_gives_a_pair_exactly_if_it_is_solved(models: Models, policy: SearchPolicy) -> None:
    tree = asyncio.run(search(PROMPT, root(), models.refine, models.judge, policy))
    pair = refined_pair(tree)
    assert isinstance(pair, Pair) == tree.solved
    if isinstance(pair, Pair):
        assert pair.chosen != pair.rejected == "negative"


def test_a_sampled_pair_needs_a_good_response() -> None:
    assert sampled_pair(judged_prompt("nnnnn", "yynn-"), 1) is Outcome.UNSOLVED
    assert sampled_pair(judged_prompt("yyyyy"), 1) is Outcome.ALL_GOOD
    judged = judged_prompt("nnnnn", "yyyyy")
    assert sampled_pair(judged, 1) == Pair(prompt=judged.prompt, chosen="response 1", rejected="response 0")


@given(any_judged, st.integers(0, 2**63 - 1))
def test_any_judged_prompt_gives_one_result(judged: JudgedPrompt, seed: int) -> None:
    labels = {item.response.text: item.judgment.label for item in judged.responses if item.judgment is not None}
    negative, pair = choose_negative(judged, seed), sampled_pair(judged, seed)
    assert sampled_pair(judged, seed) == pair
    if isinstance(negative, JudgedResponse):
        assert negative.response.failure is None
        assert labels[negative.response.text] is Verdict.NO
    else:
        assert pair is negative
        assert Verdict.NO not in labels.values()
    if isinstance(pair, Pair):
        assert isinstance(negative, JudgedResponse)
        assert pair.rejected == negative.response.text != pair.chosen
        assert labels[pair.chosen] is Verdict.YES


def test_the_first_pair_of_a_prompt_stays() -> None:
    first, other = (
        Pair(prompt=Prompt.of("a"), chosen="x", rejected="y"),
        Pair(prompt=Prompt.of("b"), chosen="x", rejected="y"),
    )
    again = Pair(prompt=Prompt.of("a"), chosen="z", rejected="y")
    assert mark_duplicates([first, Outcome.TIED, again, other]) == [
        first,
        Outcome.TIED,
        Outcome.DUPLICATE,
        other,
    ]


def test_the_stored_name_of_a_contaminated_prompt_is_still_read() -> None:
    assert Outcome("measured") is Outcome.CONTAMINATED
    assert json.loads(json.dumps(Outcome.CONTAMINATED)) == "measured"


def test_contaminated_rows_are_not_trained_on() -> None:
    pair, example = (
        Pair(prompt=Prompt.of("a"), chosen="x", rejected="y"),
        Example(Prompt.of("b").id, ExampleKind.RESPONSE, ()),
    )
    other = Pair(prompt=Prompt.of("c"), chosen="x", rejected="y")
    rows = [pair, Outcome.TIED, example, other]
    assert mark_contaminated(rows, {Prompt.of("a").id, Prompt.of("b").id}) == [
        Outcome.CONTAMINATED,
        Outcome.TIED,
        Outcome.CONTAMINATED,
        other,
    ]
    assert mark_contaminated(rows, frozenset()) == rows


@given(st.lists(st.sampled_from(Outcome)))
def test_outcomes_add_up(outcomes: list[Outcome]) -> None:
    counts = count_outcomes(outcomes, len(outcomes))
    assert list(counts) == list(Outcome)
    assert sum(counts.values()) == len(outcomes)
    with pytest.raises(AccountingError):
        count_outcomes(outcomes, len(outcomes) + 1)


def test_the_first_outcome_that_applies() -> None:
    assert first_outcome([Outcome.PAIR, Outcome.TOO_LONG, Outcome.UNSOLVED]) is Outcome.UNSOLVED
    with pytest.raises(AccountingError):
        first_outcome([])


def test_a_seed_stays_what_it_was() -> None:
    assert derive_seed(0, 1, "abc", "refine", 2, 0) == 6519080240416367379


calls = st.tuples(
    st.integers(0, 5),
    st.integers(0, 5),
    st.text('ab,"1', max_size=3),
    st.text('ab,"1', max_size=3),
    st.lists(st.integers(0, 12) | st.text("1,", max_size=2), max_size=3),
)


@given(calls, calls)
def test_different_calls_have_different_seeds(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    first, second = (derive_seed(*call[:4], *call[4]) for call in (one, other))
    assert (first == second) == (one == other)
    assert 0 <= first < 2**63
