"""The `paper` profile's search, tree by tree against a second writing of the paper's rules (reference_search)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.method import VoteRules, bfs, dfs, judge_until_quorum, search
from spar.method.policies import SearchPolicy
from spar.method.profiles import PROFILES
from spar.method.records import Judgment, Node, Path, Prompt, Refinement, ReplyFailure, Tree, Verdict, Vote
from spar.method.voting import tally
from tests.unit.method.reference_search import ROOT, ReferenceSearch, World

PAPER = PROFILES["paper"]
VERDICTS = {"y": Verdict.YES, "n": Verdict.NO}
SHAPES = [0, 200, 400, 600, 800]
"""Where each 200 of the 1,000 seeds begin."""


def _votes(letters: str) -> list[Vote]:
    failed = ReplyFailure.UNPARSABLE
    return [
        Vote(f"{letter} {place}", VERDICTS.get(letter), None if letter in VERDICTS else failed)
        for place, letter in enumerate(letters)
    ]


@dataclass
class Played:
    """A world as the callables of a search. Failed siblings are those that a refine call asks for again."""

    world: World
    waiting: dict[Path, list[int]] = field(default_factory=dict)

    async def refine(self, parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        places = self.waiting[parent.path] if attempt else list(range(n))
        assert len(places) == n
        texts = [self.world.refined(parent.path, place, attempt) for place in places]
        self.waiting[parent.path] = [place for place, text in zip(places, texts, strict=True) if text is None]
        return [Refinement(reply="", text=text, failure=None if text else ReplyFailure.UNPARSABLE) for text in texts]

    async def judge(self, text: str, path: Path) -> Judgment:
        async def ask(n: int, attempt: int) -> Sequence[Vote]:
            return _votes(self.world.votes(text, attempt))[:n]

        assert PAPER.quorum is not None
        assert PAPER.vote_rounds is not None
        return await judge_until_quorum(ask, VoteRules(quorum=PAPER.quorum, retries=PAPER.vote_rounds - 1, redraw=True))


def _tree(world: World, policy: SearchPolicy) -> Tree:
    assert PAPER.search_retries is not None
    assert PAPER.stop_when_decided is False
    ours = replace(policy, retries=PAPER.search_retries, stop_when_decided=False)
    played = Played(world)
    root = Node(path=(), text=ROOT, judgment=tally(_votes(world.root_votes), 1))
    return asyncio.run(search(Prompt.of("a prompt"), root, played.refine, played.judge, ours))


def _same(tree: Tree, reference: ReferenceSearch) -> bool:
    ours = [
        (node.path, node.text, node.judgment.value, node.judgment.label, node.judgment.critique)
        for node in tree.nodes[1:]
    ]
    theirs = [
        (child.path, child.text, child.judged.value, VERDICTS[child.judged.label], child.judged.critique)
        for child in reference.children
    ]
    pruned = [place.path for place in tree.pruned]
    return (ours, pruned, tree.best, tree.solved) == (theirs, reference.pruned, reference.best, reference.solved)


@pytest.mark.parametrize("first", SHAPES)
def test_a_thousand_trees_are_the_papers(first: int) -> None:
    """Breadth and depth first: nodes, values, critiques, what was pruned, their order, and the winner."""
    worlds = [World(seed=seed) for seed in range(first, first + 200)]
    breadth = [
        world for world in worlds if not _same(_tree(world, bfs()), ReferenceSearch(world=world).breadth_first())
    ]
    depth = [world for world in worlds if not _same(_tree(world, dfs()), ReferenceSearch(world=world).depth_first())]
    assert (breadth, depth) == ([], [])


def test_the_thousand_hold_what_they_are_for() -> None:
    """Ties, unreadable rounds, repeated texts, the root's text again, failed refinements; solved and not."""
    found = [ReferenceSearch(world=World(seed=seed)).breadth_first() for seed in range(1000)]
    assert 150 < sum(one.solved for one in found) < 850
    assert sum(bool(one.pruned) for one in found) > 200
    assert sum(len({child.text for child in one.children}) < len(one.children) for one in found) > 300
    assert sum(any(child.text == ROOT for child in one.children) for one in found) > 200


@given(st.integers(1000, 10**9), st.sampled_from(["breadth", "depth"]))
def test_any_tree_is_the_papers(seed: int, order: str) -> None:
    world = World(seed=seed)
    reference = ReferenceSearch(world=world)
    if order == "breadth":
        assert _same(_tree(world, bfs()), reference.breadth_first())
    else:
        assert _same(_tree(world, dfs()), reference.depth_first())
