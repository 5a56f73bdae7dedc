from dataclasses import replace
from typing import get_args

import pytest

from spar.errors import RecipeError
from spar.method.policies import POLICIES, PolicyName, SearchPolicy, best_of_n, bfs, dfs, greedy, iterative, make_policy
from spar.method.profiles import PROFILES, Profile


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("greedy", greedy()),
        ("best_of_n", best_of_n(5)),
        ("iterative", iterative(4)),
        ("bfs", bfs(5, 3, 4)),
        ("dfs", dfs(5, 3, 4)),
    ],
)
def test_a_recipe_names_its_policy(name: str, policy: SearchPolicy) -> None:
    made = make_policy(name, branch=5, keep=3, depth=4, gate=0.5, retries=3, stop_when_decided=True)
    assert made == policy
    assert made.name == name


def test_every_name_that_a_recipe_takes_has_a_policy() -> None:
    assert tuple(POLICIES) == get_args(PolicyName)


def test_a_recipe_sets_the_rules() -> None:
    made = make_policy("bfs", branch=3, keep=2, depth=3, gate=0.8, retries=1, stop_when_decided=False)
    assert (made.gate, made.retries, made.stop_when_decided) == (0.8, 1, False)


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(RecipeError, match=r"astar.*greedy, best_of_n"):
        make_policy("astar", 3, 2, 3, 0.5, 3, True)


def test_an_impossible_policy_is_refused() -> None:
    with pytest.raises(RecipeError, match="cannot search"):
        bfs(branch=0)
    with pytest.raises(RecipeError, match="max_nodes >= 1"):
        replace(bfs(), max_nodes=0)


def test_the_fixed_profile_keeps_the_recipes_rules() -> None:
    assert PROFILES["fixed"] == Profile(name="fixed")


def test_the_paper_profile_sets_the_papers_rules() -> None:
    paper = PROFILES["paper"]
    assert (paper.quorum, paper.response_retries) == (1, 0)
    assert (paper.vote_rounds, paper.search_retries) == (3, 8)  # a refinement has three times three tries
    assert paper.stop_when_decided is False
