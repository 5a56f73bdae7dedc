import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.errors import AccountingError, EngineUnavailable
from spar.method import search
from spar.method.policies import SearchPolicy, best_of_n, bfs, dfs, greedy, iterative
from spar.method.records import Judgment, JudgmentFailure, Node, Path, Refinement, ReplyFailure, Tree
from tests.unit.method.builders import PROMPT, Models, any_models, any_policy, root


def _search(models: Models, policy: SearchPolicy) -> Tree:
    return asyncio.run(search(PROMPT, root(), models.refine, models.judge, policy))


def _paths(tree: Tree) -> list[Path]:
    return [node.path for node in tree.nodes]


@pytest.mark.parametrize(
    ("policy", "nodes", "expanded"),
    [
        (bfs(), 15, [(), (0,), (1,), (0, 0), (0, 1)]),
        (dfs(), 21, [(), (0,), (0, 0), (0, 1), (1,), (1, 0), (1, 1)]),
        (greedy(), 1, [()]),
        (best_of_n(5), 5, [()]),
        (iterative(4), 4, [(), (0,), (0, 0), (0, 0, 0)]),
    ],
)
def test_an_unsolved_tree_uses_the_whole_budget(policy: SearchPolicy, nodes: int, expanded: list[Path]) -> None:
    models = Models()
    tree = _search(models, policy)
    assert len(tree.nodes) == nodes + 1
    assert [path for path, _, _ in models.refined] == expanded
    assert (tree.solved, tree.best, tree.refine_replies, tree.votes) == (False, (0,), nodes, 5 * nodes)
    assert tree.failures == {}


def test_a_level_keeps_the_best_and_earlier_ones_of_equals() -> None:
    models = Models(votes={(0,): "nnnnn", (1,): "ynnnn", (2,): "ynnnn"})
    _search(models, bfs(depth=2))
    assert [path for path, _, _ in models.refined] == [(), (1,), (2,)]


def test_breadth_first_keeps_two_of_the_whole_level() -> None:
    models = Models(votes={(1, 2): "yynnn", (0, 1): "ynnnn"})
    _search(models, bfs())
    assert [path for path, _, _ in models.refined][-2:] == [(1, 2), (0, 1)]


def test_depth_first_visits_the_best_child_first_and_stops_at_a_success() -> None:
    models = Models(votes={(1,): "yynnn", (2,): "ynnnn", (1, 2): "yyyyn"})
    tree = _search(models, dfs())
    assert _paths(tree) == [(), (0,), (1,), (2,), (1, 0), (1, 1), (1, 2)]
    assert (tree.best, tree.solved) == ((1, 2), True)


def test_the_best_of_a_level_wins_not_the_first_success() -> None:
    tree = _search(Models(votes={(0,): "yyynn", (1,): "yyyyn", (2,): "yyyyn"}), bfs())
    assert (tree.best, tree.solved, len(tree.nodes)) == ((1,), True, 4)


def test_a_text_without_a_majority_is_pruned() -> None:
    models = Models(votes={(1,): "yynn-"})
    tree = _search(models, bfs(depth=2))
    assert [path for path, _, _ in models.refined] == [(), (0,), (2,)]
    assert (tree.solved, tree.best, tree.failures) == (False, (0,), {"tied": 1})
    [place] = tree.pruned
    assert (place.path, place.reason) == ((1,), JudgmentFailure.TIED)
    assert place.judgment is not None
    assert place.judgment.value == 0.5


@pytest.mark.parametrize("order", ["calm", "jitter"])
def test_one_text_has_one_judgment_within_a_tree(order: str) -> None:
    """Siblings and cousins that repeat a text are not judged again, nor is the root's text."""
    texts = {(0,): "same", (1,): " same\n", (2,): "other", (2, 0): "same", (2, 1): "negative", (2, 2): "new"}
    models = Models(
        votes={(0,): "ynnnn", (1,): "yyyyy", (2,): "yynnn", (2, 0): "yyyyy", (2, 1): "yyyyy"},
        texts=texts,
        pause=_jitter(3) if order == "jitter" else None,
    )

    async def judge(text: str, path: Path) -> Judgment:
        first = {text.strip(): path for path, text in reversed(texts.items())}[text.strip()]
        return await models.judge(text, first)

    tree = asyncio.run(search(PROMPT, root(), models.refine, judge, replace(bfs(depth=2, keep=1), retries=0)))
    assert sorted(models.judged) == [(0,), (2,), (2, 2)]
    assert [tree.node(path).value for path in ((0,), (1,), (2,), (2, 0), (2, 1))] == [0.2, 0.2, 0.4, 0.2, 0.0]
    assert tree.node((1,)).judgment is tree.node((0,)).judgment
    assert (tree.solved, tree.votes) == (False, 15)


def test_a_judgment_without_quorum_prunes_its_node() -> None:
    tree = _search(Models(votes={(1,): "yy---"}), best_of_n(3))
    assert _paths(tree) == [(), (0,), (2,)]
    assert (tree.failures, tree.votes, tree.refine_replies) == ({"no_quorum": 1}, 15, 3)
    [place] = tree.pruned
    assert (place.path, place.reason, [reply.text for reply in place.replies]) == (
        (1,),
        JudgmentFailure.NO_QUORUM,
        ["text (1,)"],
    )
    assert place.judgment is not None
    assert [vote.reply for vote in place.judgment.votes] == ["yes 0", "yes 1", "failed 2", "failed 3", "failed 4"]


def test_failed_refinements_are_asked_again_then_pruned_and_counted() -> None:
    models = Models(failing={(0,): 2, (2,): 99})
    tree = _search(models, best_of_n(3))
    assert models.refined == [((), 3, 0), ((), 2, 1), ((), 2, 2), ((), 1, 3)]
    assert _paths(tree) == [(), (0,), (1,)]
    assert (tree.failures, tree.refine_replies) == ({"cut_off": 1}, 8)
    assert [reply.reply for reply in tree.node((0,)).failed] == ["cut", "cut"]
    [place] = tree.pruned
    assert (place.path, place.reason, len(place.replies), place.judgment) == ((2,), ReplyFailure.CUT_OFF, 4, None)


def test_a_search_whose_every_refinement_fails_ends_without_a_best_node() -> None:
    tree = _search(Models(failing={(i,): 99 for i in range(3)}), replace(bfs(), retries=1))
    assert (len(tree.nodes), tree.best, tree.solved, tree.failures) == (1, None, False, {"cut_off": 3})


class Gates:
    """Models whose judgment of chosen paths waits until the test opens it, and that see cancellation."""

    def __init__(self, models: Models, held: set[Path]) -> None:
        self.models, self.held = models, held
        self.open = asyncio.Event()
        self.started: set[Path] = set()
        self.cancelled: set[Path] = set()
        self._news = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._news.clear()
            await self._news.wait()

    async def judge(self, text: str, path: Path):  # type: ignore[no-untyped-def]
        self.started.add(path)
        self._news.set()
        try:
            if path in self.held:
                await self.open.wait()
            judged = await self.models.judge(text, path)
            self._news.set()
            return judged
        except asyncio.CancelledError:
            self.cancelled.add(path)
            raise


async def test_a_decided_level_cancels_later_siblings_only() -> None:
    models = Models(votes={(1,): "yyyyy", (3,): "yyyyy"}, pause=lambda: asyncio.sleep(0))
    gates = Gates(models, held={(2,)})
    tree = await search(PROMPT, root(), gates.models.refine, gates.judge, best_of_n(4))
    assert gates.cancelled == {(2,), (3,)}
    assert _paths(tree) == [(), (0,), (1,)]
    assert (tree.best, tree.votes, tree.refine_replies) == ((1,), 10, 2)


async def test_an_unfinished_earlier_sibling_keeps_a_level_open() -> None:
    gates = Gates(Models(votes={(0,): "yyyyy", (1,): "yyyyy"}), held={(0,)})
    searching = asyncio.create_task(search(PROMPT, root(), gates.models.refine, gates.judge, best_of_n(3)))
    await gates.until(lambda: gates.models.judged == [(1,), (2,)])
    assert not searching.done()
    gates.open.set()
    assert (await searching).best == (0,)


async def test_the_full_rule_judges_every_sibling() -> None:
    models = Models(default="yyyyy")
    tree = await search(PROMPT, root(), models.refine, models.judge, replace(best_of_n(3), stop_when_decided=False))
    assert len(tree.nodes) == 4


async def test_a_call_that_outlives_its_cancellation_starts_nothing() -> None:
    models = Models(votes={(0,): "yyyyy"}, failing={(1,): 1})

    async def refine(parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        if attempt:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        return await models.refine(parent, n, attempt)

    tree = await search(PROMPT, root(), refine, models.judge, best_of_n(2))
    assert (models.judged, tree.votes, tree.refine_replies) == ([(0,)], 5, 1)


def test_a_gate_that_nothing_passes_decides_nothing() -> None:
    assert len(_search(Models(default="yyyyy"), replace(bfs(), gate=1.0)).nodes) == 16


async def test_nothing_waits_that_need_not() -> None:
    """All judgments of a level are under way while one refinement of it is still being asked again."""
    gates = Gates(Models(failing={(0, 1): 1}), held={(i, j) for i in (0, 1) for j in range(3)})
    searching = asyncio.create_task(search(PROMPT, root(), gates.models.refine, gates.judge, bfs(depth=2)))
    await gates.until(lambda: len(gates.started) == 9)
    assert gates.started >= gates.held
    gates.open.set()
    assert len((await searching).nodes) == 10


async def test_an_exception_cancels_the_siblings_and_comes_through_as_it_is() -> None:
    gates = Gates(Models(), held={(0,), (2,)})

    async def judge(text: str, path: Path):  # type: ignore[no-untyped-def]
        if path == (1,):
            raise EngineUnavailable("The engine has died.")
        return await gates.judge(text, path)

    with pytest.raises(EngineUnavailable, match="died"):
        await search(PROMPT, root(), gates.models.refine, judge, best_of_n(3))
    assert gates.cancelled | ({(0,), (2,)} - gates.started) == {(0,), (2,)}
    assert len(asyncio.all_tasks()) == 1


async def test_an_exception_of_refine_comes_through() -> None:
    async def refine(parent: object, n: int, attempt: int) -> list[Refinement]:
        raise EngineUnavailable("The engine has died.")

    with pytest.raises(EngineUnavailable):
        await search(PROMPT, root(), refine, Models().judge, bfs())


async def test_a_cancelled_search_cancels_its_calls() -> None:
    gates = Gates(Models(), held={(0,), (1,), (2,)})
    searching = asyncio.create_task(search(PROMPT, root(), gates.models.refine, gates.judge, bfs()))
    await gates.until(lambda: gates.started == gates.held)
    searching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await searching
    assert gates.cancelled == gates.held


async def test_a_call_that_was_cancelled_elsewhere_is_not_forgotten() -> None:
    async def judge(text: str, path: Path):  # type: ignore[no-untyped-def]
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await search(PROMPT, root(), Models().refine, judge, bfs())


async def test_a_missing_refinement_is_a_bug() -> None:
    async def refine(parent: object, n: int, attempt: int) -> list[Refinement]:
        return []

    with pytest.raises(AccountingError, match="3 refinements were requested and 0 received"):
        await search(PROMPT, root(), refine, Models().judge, bfs())


def _jitter(seed: int) -> Callable[[], Awaitable[None]]:
    random = Random(seed)

    async def pause() -> None:
        for _ in range(random.randrange(6)):
            await asyncio.sleep(0)

    return pause


def _fresh(models: Models, pause: Callable[[], Awaitable[None]] | None) -> Models:
    return Models(models.votes, models.default, models.failing, models.texts, pause)


@given(any_models, any_policy, st.integers(0, 99))
def test_the_order_of_completion_changes_nothing(models: Models, policy: SearchPolicy, seed: int) -> None:
    calm = _search(_fresh(models, None), policy)
    assert _search(_fresh(models, _jitter(seed)), policy) == calm
    assert _search(_fresh(models, _jitter(seed + 100)), policy) == calm


@given(any_models, any_policy)
def test_stopping_early_changes_no_winner(models: Models, policy: SearchPolicy) -> None:
    early = _search(_fresh(models, None), replace(policy, stop_when_decided=True))
    full = _search(_fresh(models, None), replace(policy, stop_when_decided=False))
    assert (early.best, early.solved) == (full.best, full.solved)
    assert set(early.nodes) <= set(full.nodes)


@given(any_models, any_policy)
def test_any_tree_is_within_its_policy(models: Models, policy: SearchPolicy) -> None:
    tree = _search(models, policy)
    children = tree.nodes[1:]
    expanded = {path for path, _, attempt in models.refined if attempt == 0}
    places = len(children) + sum(tree.failures.values())
    assert len(tree.pruned) == sum(tree.failures.values())
    drawn = sum(len(node.failed) + 1 for node in children) + sum(len(place.replies) for place in tree.pruned)
    assert drawn == tree.refine_replies
    assert places <= policy.branch * len(expanded)
    if policy.order == "breadth":
        assert len(expanded) <= 1 + policy.keep * (policy.depth - 1)
    else:
        assert len(expanded) <= sum(policy.keep**level for level in range(policy.depth))
    assert len(set(_paths(tree))) == len(tree.nodes)
    assert all(node.path[:-1] in _paths(tree)[:place] for place, node in enumerate(children, start=1))
    assert tree.solved == any(node.value > policy.gate for node in children)
    if children:
        assert tree.best is not None
        best = tree.node(tree.best)
        assert best == max(children, key=lambda node: node.value)
    if not tree.solved:
        assert places == policy.branch * len(expanded)
        assert tree.votes == 5 * (tree.refine_replies - _failed_replies(models, expanded, policy))


def _failed_replies(models: Models, expanded: set[Path], policy: SearchPolicy) -> int:
    places = [(*path, i) for path in expanded for i in range(policy.branch)]
    return sum(min(models.failing.get(place, 0), policy.retries + 1) for place in places)


@given(any_models, any_policy, st.integers(1, 30))
def test_a_budget_cuts_the_tree_in_the_order_of_generation(models: Models, policy: SearchPolicy, budget: int) -> None:
    whole = _search(_fresh(models, None), policy)
    cut = _search(_fresh(models, None), replace(policy, max_nodes=budget))
    assert len(cut.nodes) - 1 + sum(cut.failures.values()) <= budget
    assert cut.nodes == whole.nodes[: len(cut.nodes)]
    if len(whole.nodes) - 1 + sum(whole.failures.values()) <= budget:
        assert cut == whole


def test_a_budget_ends_in_the_middle_of_a_level() -> None:
    models = Models()
    tree = _search(models, replace(bfs(), max_nodes=5))
    assert _paths(tree) == [(), (0,), (1,), (2,), (0, 0), (0, 1)]
    assert models.refined == [((), 3, 0), ((0,), 2, 0)]


@pytest.mark.parametrize(
    ("votes", "nodes", "best", "solved"),
    [("yyynn", 1, (), True), ("y----", 1, None, False), ("nnnyy", 4, (2,), True), ("yynn-", 4, (2,), True)],
)
def test_a_response_given_as_text_is_judged_first(votes: str, nodes: int, best: Path | None, solved: bool) -> None:
    models = Models(votes={(): votes, (2,): "yyyyy"})
    tree = asyncio.run(search("write something", "a response", models.refine, models.judge, bfs()))
    assert models.judged[0] == ()
    assert (tree.prompt, tree.nodes[0].text) == (PROMPT, "a response")
    assert (len(tree.nodes), tree.best, tree.solved) == (nodes, best, solved)
