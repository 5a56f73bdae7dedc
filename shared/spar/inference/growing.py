"""Records the nodes of a search in progress, by wrapping its `refine` and `judge`.

A search that is stopped returns nothing; the texts that it had judged by then are here. Knows nothing of deadlines.
"""

from collections.abc import Callable, Sequence

from spar.inference.records import CallCounters
from spar.method.growth import JudgeNode, RefineNode
from spar.method.records import Judgment, Node, Path, Prompt, Refinement, Tree

ProgressCallback = Callable[[str], None]
"""Receives a line for each step of a search; never a model's text."""


class Growing:
    """A `RefineNode` and a `JudgeNode` that pass calls on and record the results."""

    def __init__(
        self, refine: RefineNode, judge: JudgeNode, counts: CallCounters, responses: bool, on_progress: ProgressCallback
    ) -> None:
        self._refine, self._judge, self._counts, self._on_progress = refine, judge, counts, on_progress
        self._responses = responses
        self._replies: dict[tuple[Path, str], str] = {}
        self._nodes: dict[Path, Node] = {}

    async def refine(self, parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        if self._responses:
            self._counts.generations += n
        else:
            self._counts.refinements += n
        replies = await self._refine(parent, n, attempt)
        for reply in replies:
            if reply.text is not None:
                self._replies.setdefault((parent.path, reply.text), reply.reply)
        usable = sum(reply.text is not None for reply in replies)
        self._on_progress(f"drew {n} below {_name(parent.path)}: {usable} usable")
        return replies

    async def judge(self, text: str, path: Path) -> Judgment:
        self._counts.judgments += 1
        judgment = await self._judge(text, path)
        self._counts.votes += judgment.drawn
        if judgment.failure is None or not path:
            self._nodes[path] = Node(
                path=path, text=text, judgment=judgment, reply=self._replies.get((path[:-1], text)) if path else None
            )
        value = "none" if judgment.value is None else f"{judgment.value:.2f}"
        self._on_progress(f"judged {_name(path)}: V {value}")
        return judgment

    def tree(self, prompt: Prompt, gate: float) -> Tree | None:
        """The tree so far, level by level; None before the root is judged."""
        root = self._nodes.get(())
        if root is None:
            return None
        below = [self._nodes[path] for path in sorted(self._nodes, key=lambda path: (len(path), path)) if path]
        best = max(below, key=lambda node: node.value, default=None)
        return Tree(
            prompt=prompt,
            nodes=(root, *below),
            best=None if best is None else best.path,
            solved=best is not None and best.value > gate,
            refine_replies=len(self._replies),
            votes=sum(node.judgment.drawn for node in below),
        )


def _name(path: Path) -> str:
    return "the response" if not path else "node " + ".".join(str(index) for index in path)
