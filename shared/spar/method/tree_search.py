"""Tree search for a refinement of a negative (docs/method.md; arXiv 2412.11605, section 2.3).

One engine for all policies: grow a level, stop if its best child passes the gate, else expand the children worth
keeping. Models are behind the injected `refine` and `judge`; nothing here knows of prompts' templates or sampling.

    tree = await search(prompt, response, refine=my_refine, judge=my_judge, policy=bfs())
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence

from spar.method.growth import JudgeNode, Level, OpenSlot, RefineNode
from spar.method.policies import SearchPolicy
from spar.method.records import Judgment, Node, Path, Prompt, Tree, Verdict
from spar.method.voting import critique_to_refine

Grow = Callable[[Sequence[Node]], Awaitable[Sequence[OpenSlot]]]


async def search(
    prompt: Prompt | str, root: Node | str, refine: RefineNode, judge: JudgeNode, policy: SearchPolicy
) -> Tree:
    """Search refinements of `root` until one passes the gate or the budget of the policy ends.

    `root` is the judged negative, at path (): it is refined in any case. Or it is a response's text: then it is judged
    first, and one that passes the gate is the whole tree, solved, with `best` (); one whose votes have no quorum is
    the whole tree, too, unsolved, since no critique says what to refine.

    An unsolved tree has 15 nodes under `bfs()` (3 + 2*3 + 2*3) and 21 under `dfs()` (3 + 2*3 + 4*3), both without the
    root, which `Tree.nodes` also holds.

    One text has one judgment within a tree: a refinement that repeats a text of its tree, the root's too, has that
    text's V and critique. A text whose votes have no majority after all rounds, or no quorum, is pruned.

    The tree depends only on what `refine` returns for each path and `judge` for each text, never on their order.
    Therefore the work that a decided level abandoned is not part of it: nodes, replies, votes and failures. Nor do
    `refine_replies` and `votes` count the root's.
    """
    prompt = Prompt.of(prompt) if isinstance(prompt, str) else prompt
    if isinstance(root, Node):
        return await _grown(prompt, root, refine, judge, policy)
    judged = Node(path=(), text=root, judgment=await judge(root, ()))
    if passes(judged.judgment, policy):
        return Tree(prompt=prompt, nodes=(judged,), best=(), solved=True)
    if critique_to_refine(judged.judgment) is None:
        return Tree(prompt=prompt, nodes=(judged,), best=None, solved=False)
    return await _grown(prompt, judged, refine, judge, policy)


def passes(judgment: Judgment, policy: SearchPolicy) -> bool:
    """Whether a response is good enough without any refinement."""
    return judgment.label is Verdict.YES and judgment.value is not None and judgment.value > policy.gate


async def _grown(prompt: Prompt, root: Node, refine: RefineNode, judge: JudgeNode, policy: SearchPolicy) -> Tree:
    grown = 0
    texts = JudgedTexts(judge, root)

    async def grow(parents: Sequence[Node]) -> Sequence[OpenSlot]:
        nonlocal grown
        room = None if policy.max_nodes is None else policy.max_nodes - grown
        level = await Level(parents, refine, texts.judge, policy, room).grow()
        grown += len(level)
        return level

    walk = _breadth_first if policy.order == "breadth" else _depth_first
    places = await walk(root, grow, policy, policy.depth)
    nodes = _nodes(places)
    pruned = tuple(place.pruned for place in places if place.pruned is not None)
    best = _ranked(nodes)[0] if nodes else None
    return Tree(
        prompt=prompt,
        nodes=(root, *nodes),
        best=best.path if best else None,
        solved=_solved(nodes, policy),
        refine_replies=sum(len(place.replies) for place in places),
        votes=texts.votes(place.replies[-1].text for place in places),
        failures=dict(sorted(Counter(place.reason.value for place in pruned).items())),
        pruned=pruned,
    )


async def _breadth_first(root: Node, grow: Grow, policy: SearchPolicy, depth: int) -> list[OpenSlot]:
    places: list[OpenSlot] = []
    parents = [root]
    while parents and depth:
        level = await grow(parents)
        places += level
        children = _nodes(level)
        parents = [] if _solved(children, policy) else _ranked(children)[: policy.keep]
        depth -= 1
    return places


async def _depth_first(root: Node, grow: Grow, policy: SearchPolicy, depth: int) -> list[OpenSlot]:
    places = list(await grow([root]))
    children = _nodes(places)
    if depth == 1 or _solved(children, policy):
        return places
    for child in _ranked(children)[: policy.keep]:
        below = await _depth_first(child, grow, policy, depth - 1)
        places += below
        if _solved(_nodes(below), policy):
            break
    return places


def _nodes(places: Sequence[OpenSlot]) -> list[Node]:
    return [place.node for place in places if place.node is not None]


def _ranked(nodes: Sequence[Node]) -> list[Node]:
    """Best V first; equals stay in the order of generation."""
    return sorted(nodes, key=lambda node: -node.value)


def _solved(nodes: Sequence[Node], policy: SearchPolicy) -> bool:
    return any(node.value > policy.gate for node in nodes)


class JudgedTexts:
    """The judgments of one tree by text, without outer blanks: one text has one judgment. The root's is given."""

    def __init__(self, judge: JudgeNode, root: Node) -> None:
        self._judge = judge
        self._root = root.text.strip()
        self._known: dict[str, Judgment] = {self._root: root.judgment}
        self._judging: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def judge(self, text: str, path: Path) -> Judgment:
        """Judge a text, or await its judgment in progress. A cancelled judgment leaves no entry."""
        key = text.strip()
        async with self._judging[key]:
            if key not in self._known:
                self._known[key] = await self._judge(text, path)
            return self._known[key]

    def votes(self, texts: Iterable[str | None]) -> int:
        """The number of votes drawn for these texts, each counted once, without the root's from before the search."""
        judged = {text.strip() for text in texts if text is not None} - {self._root}
        return sum(self._known[text].drawn for text in judged if text in self._known)
