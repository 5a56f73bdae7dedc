import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.method import bfs, search
from spar.method.policies import SearchPolicy
from spar.method.records import Example, ExampleKind, JudgedPrompt, Message, Node, Prompt, Tree
from spar.method.refiner_data import RefinerData, RefinerDataRules, select_refiner_examples
from spar.method.templates import TemplateSet
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

TEMPLATES = TemplateSet(name="tiny", judge="judge $prompt / $response", refine="refine it")
KINDS = list(RefinerDataRules().caps)


def _select(
    trees: list[Tree], judged: list[JudgedPrompt], rules: RefinerDataRules | None = None, seed: int = 0
) -> RefinerData:
    return select_refiner_examples(trees, judged, rules or RefinerDataRules(), TEMPLATES, seed)


def _tree(*children: tuple[tuple[int, ...], str], best: tuple[int, ...] = (0,), text: str = "p") -> Tree:
    nodes = [
        Node(path=path, text=f"text {path}", judgment=judgment(votes), reply=f"reply {path}")
        for path, votes in children
    ]
    return Tree(prompt=Prompt.of(text), nodes=(root(), *nodes), best=best, solved=True)


def _kinds(data: RefinerData) -> Counter[ExampleKind]:
    return Counter(example.kind for example in data.examples)


def test_a_refinement_is_the_solving_step_from_its_parent() -> None:
    tree = _tree(((0,), "nnnny"), ((0, 0), "yyyyy"), best=(0, 0))
    (example,) = [one for one in _select([tree], []).examples if one.kind is ExampleKind.REFINEMENT]
    assert example == Example(
        tree.prompt.id,
        ExampleKind.REFINEMENT,
        (
            Message("user", "judge p / text (0,)"),
            Message("assistant", "no 0"),
            Message("user", "refine it"),
            Message("assistant", "reply (0, 0)"),
        ),
    )


def test_a_refinement_of_a_tied_node_starts_from_its_first_no() -> None:
    tree = _tree(((0,), "yynn-"), ((0, 0), "yyyyy"), best=(0, 0))
    (example,) = _select([tree], []).examples
    assert example.messages[1] == Message("assistant", "no 2")


def test_an_unsolved_tree_gives_no_refinement() -> None:
    tree = replace(_tree(((0,), "nnnnn")), solved=False)
    assert _select([tree], []).counts["refinement"].candidates == 0


def test_a_judgment_is_judge_prompt_and_the_majoritys_critique() -> None:
    (example,) = _select([], [judged_prompt("nyyyy", text="p")]).examples
    assert example == Example(
        Prompt.of("p").id,
        ExampleKind.RESPONSE_YES,
        (Message("user", "judge p / response 0"), Message("assistant", "yes 1")),
    )


@pytest.mark.parametrize(
    ("votes", "kind"),
    [
        ("yyynn", ExampleKind.TREE_YES),
        ("yyn--", ExampleKind.TREE_YES),
        ("nnnny", ExampleKind.TREE_NO),
        ("yyyyy", None),
        ("nnnnn", None),
        ("yynn-", None),
    ],
)
def test_contested_judgments_of_nodes(votes: str, kind: ExampleKind | None) -> None:
    tree = replace(_tree(((0,), votes)), solved=False)
    assert _kinds(_select([tree], [])) == Counter([kind] if kind else [])


def test_the_roots_votes_are_no_tree_judgment() -> None:
    tree = Tree(prompt=PROMPT, nodes=(root(votes="nnnny"),), best=None, solved=False)
    assert _select([tree], []).examples == ()


def test_one_contested_judgment_per_tree_and_label() -> None:
    tree = _tree(*(((i,), "yyyyn") for i in range(3)), *(((0, i), "nnnny") for i in range(3)))
    data = _select([replace(tree, solved=False)], [])
    assert _kinds(data) == {ExampleKind.TREE_YES: 1, ExampleKind.TREE_NO: 1}
    assert (data.counts["tree_yes"].dropped["same_tree"], data.counts["tree_no"].dropped["same_tree"]) == (2, 2)
    drawn = {_select([tree], [], seed=seed).examples[-1].messages for seed in range(30)}
    assert len(drawn) == 3


def test_every_labelled_judgment_if_the_recipe_says_so() -> None:
    rules = RefinerDataRules(contested_only=False)
    tree = _tree(((0,), "yyyyy"), ((1,), "yyyyn"), ((2,), "nnnnn"), ((3,), "yynn-"))
    data = _select([replace(tree, solved=False)], [judged_prompt("yyyyy", "nnnnn", "-----", None)], rules)
    assert _kinds(data) == dict.fromkeys(KINDS[2:], 1) | {ExampleKind.TREE_YES: 2}


def test_an_earlier_list_claims_the_judge_prompt() -> None:
    """The root's response is judged in (c) too, but the refinement in (a) already starts with that prompt."""
    tree = Tree(
        prompt=Prompt.of("p"),
        nodes=(
            Node(path=(), text="response 0", judgment=judgment("nnnny")),
            Node(path=(0,), text="good", judgment=judgment("yyyyy"), reply="reply"),
        ),
        best=(0,),
        solved=True,
    )
    data = _select([tree], [judged_prompt("nnnny", text="p")])
    assert _kinds(data) == {ExampleKind.REFINEMENT: 1}
    assert data.counts["response_no"].dropped["repeated"] == 1


def test_a_list_is_cut_before_repeats_are_dropped() -> None:
    same = [judged_prompt("nnnny", text="p")] * 4
    data = _select([], same, RefinerDataRules(response_no=2))
    assert data.counts["response_no"].dropped == {"unanimous": 0, "same_tree": 0, "over_cap": 2, "repeated": 1}


def test_balance_cuts_the_larger_side() -> None:
    judged = [judged_prompt("yyyyn", "yyyyn", "yyyyn", "nnnny", text=f"p{i}") for i in range(5)]
    tree = replace(_tree(((0,), "nnnny")), solved=False)
    data = _select([tree], judged, RefinerDataRules(balance=True))
    assert _kinds(data) == {ExampleKind.RESPONSE_YES: 6, ExampleKind.RESPONSE_NO: 5, ExampleKind.TREE_NO: 1}
    assert data.counts["response_yes"].dropped["unbalanced"] == 9


CAPS = ("refinements", "tree_yes", "tree_no", "response_no", "response_yes")
any_rules = st.builds(
    RefinerDataRules,
    contested_only=st.booleans(),
    balance=st.booleans(),
    **{cap: st.integers(0, 4) for cap in CAPS},
)


def _grown(models: Models, policy: SearchPolicy, number: int) -> Tree:
    return asyncio.run(search(Prompt.of(f"prompt {number}"), root(), models.refine, models.judge, policy))


any_trees = st.lists(st.builds(_grown, any_models, any_policy | st.just(bfs()), st.integers(0, 3)), max_size=4)


@given(any_trees, st.lists(any_judged, max_size=6), any_rules, st.integers(0, 9))
def test_any_data_keeps_the_rules(
    trees: list[Tree], judged: list[JudgedPrompt], rules: RefinerDataRules, seed: int
) -> None:
    data = _select(trees, judged, rules, seed)
    assert _select(trees, judged, rules, seed) == data
    kinds = _kinds(data)
    assert all(kinds[kind] <= cap for kind, cap in rules.caps.items())
    assert len({example.messages[0] for example in data.examples}) == len(data.examples)
    for kind in KINDS:
        counts = data.counts[kind]
        assert counts.candidates == counts.kept + sum(counts.dropped.values())
        assert counts.kept == kinds[kind]
    if rules.balance:
        yes = kinds[ExampleKind.TREE_YES] + kinds[ExampleKind.RESPONSE_YES]
        assert yes == kinds[ExampleKind.TREE_NO] + kinds[ExampleKind.RESPONSE_NO]
    assert all(example.messages[-1].role == "assistant" for example in data.examples)


def test_judgments_are_learned_in_the_form_that_they_were_asked_for_with() -> None:
    def score(prompt: str, response: str) -> tuple[Message, ...]:
        return (Message("user", f"score {response} for {prompt}"),)

    rules = RefinerDataRules(contested_only=False)
    found = select_refiner_examples([_tree(((0,), "yyyyn"))], [judged_prompt("nnnnn")], rules, TEMPLATES, 0, score)
    asked = {example.kind: example.messages[0].content for example in found.examples}
    assert asked[ExampleKind.RESPONSE_NO] == "score response 0 for write something"
    # What was searched was judged by votes.
    assert asked[ExampleKind.TREE_YES].startswith("judge p / ")
