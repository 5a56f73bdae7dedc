"""Statistics of an iteration's trees, and a few examples of them.

Takes trees one by one, so that a large run's are never all in memory. Knows nothing of where they come from.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from spar.method.records import Node, Path, PrunedPlace, Tree, Verdict
from spar.report.model import ExampleNode, ExamplePruned, ExampleTree
from spar.report.words import word_changes


@dataclass(slots=True, kw_only=True)
class TreeFacts:
    """How many trees, how many solved, how many of each size; and one example of each kind of search."""

    trees: int = 0
    solved: int = 0
    sizes: Counter[int] = field(default_factory=Counter)
    examples: dict[str, Tree] = field(default_factory=dict)

    def add(self, tree: Tree) -> None:
        self.trees += 1
        self.solved += tree.solved
        self.sizes[len(tree.nodes)] += 1
        if len(tree.nodes) > 1:
            self.examples.setdefault(_sort_of(tree), tree)


def tree_facts(trees: Iterable[Tree]) -> TreeFacts:
    facts = TreeFacts()
    for tree in trees:
        facts.add(tree)
    return facts


def example_trees(facts: TreeFacts, iteration: int) -> list[ExampleTree]:
    """The first tree that needed more than one step, the first that did not, and the first that failed."""
    return [
        example_tree(facts.examples[sort], iteration)
        for sort in ("deep", "direct", "unsolved")
        if sort in facts.examples
    ]


def example_tree(tree: Tree, iteration: int) -> ExampleTree:
    """A tree for people: every text as the difference from its parent's."""
    texts = {node.path: node.text for node in tree.nodes}
    best = texts[tree.best] if tree.best is not None else None
    return ExampleTree(
        iteration=iteration,
        prompt_id=tree.prompt.id,
        prompt=tree.prompt.text,
        solved=tree.solved,
        best=tree.best,
        nodes=tuple(_example_node(node, texts) for node in sorted(tree.nodes, key=lambda node: node.path)),
        pruned=tuple(map(_example_pruned, tree.pruned)),
        words=() if best is None else tuple(word_changes(texts[()], best)),
    )


def _sort_of(tree: Tree) -> str:
    if not tree.solved:
        return "unsolved"
    return "deep" if tree.best is not None and len(tree.best) > 1 else "direct"


def _example_node(node: Node, texts: dict[Path, str]) -> ExampleNode:
    verdicts = Counter(vote.verdict for vote in node.judgment.votes)
    return ExampleNode(
        path=node.path,
        text=node.text,
        value=node.judgment.value if node.path else None,
        yes=verdicts[Verdict.YES],
        no=verdicts[Verdict.NO],
        unreadable=verdicts[None],
        critique=node.judgment.critique,
        words=tuple(word_changes(texts[node.path[:-1]], node.text)) if node.path else (),
    )


def _example_pruned(place: PrunedPlace) -> ExamplePruned:
    last = place.replies[-1]
    text = last.reply if last.text is None else last.text
    return ExamplePruned(path=place.path, reason=place.reason.value, replies=len(place.replies), text=text)
