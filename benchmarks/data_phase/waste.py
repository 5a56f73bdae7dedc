"""Decoded tokens that did not affect the result: counted from the results, each under the first cause that applies.

An upper bound on what deciding earlier can save: that the refiner would have learned from such votes is ignored.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from random import Random

from benchmarks.data_phase.workload import tokens_of
from spar.method.records import JudgedPrompt, Judgment, Node, Tree, Verdict
from spar.recipes.models import Recipe


class Cause(StrEnum):
    AFTER_MAJORITY = "votes on responses after the majority"
    AFTER_NEGATIVE = "responses judged after the first bad one"
    AFTER_WINNER = "siblings after a V = 1 winner"
    TREE_VOTES = "tree votes that do not change the result"


def wasted_tokens(
    judged: Sequence[JudgedPrompt], trees: Sequence[Tree], recipe: Recipe, in_trees: int
) -> Counter[Cause]:
    """`in_trees`: completion tokens that the servers decoded for searches, including those of cancelled requests."""
    found: Counter[Cause] = Counter()
    for row in judged:
        _of_responses(row, recipe.judgment.votes, found)
    kept = 0
    for tree in trees:
        kept += sum(_tree_tokens(tree))
        found[Cause.TREE_VOTES] += _of_tree_votes(tree, recipe)
    found[Cause.AFTER_WINNER] = max(0, in_trees - kept)
    return found


def _of_responses(row: JudgedPrompt, votes: int, found: Counter[Cause]) -> None:
    """In a random order seeded by the prompt: judging in this order could stop at the first bad response."""
    order = [item.judgment for item in row.responses if item.judgment is not None]
    Random(row.prompt.id).shuffle(order)
    decided = False
    for judgment in order:
        if decided:
            found[Cause.AFTER_NEGATIVE] += _tokens(judgment)
            continue
        needed = _until_majority(judgment, votes)
        found[Cause.AFTER_MAJORITY] += sum(tokens_of(vote.reply) for vote in judgment.votes[needed:])
        decided = judgment.label is Verdict.NO


def _until_majority(judgment: Judgment, votes: int) -> int:
    """How many of the votes decide the label."""
    counts: Counter[Verdict | None] = Counter()
    for number, vote in enumerate(judgment.votes, start=1):
        counts[vote.verdict] += 1
        if vote.verdict is not None and counts[vote.verdict] > votes // 2:
            return number
    return len(judgment.votes)


def _tree_tokens(tree: Tree) -> Iterator[int]:
    """Tokens of the replies and votes in the tree; a text that occurs twice was judged once."""
    seen = {tree.nodes[0].text.strip()}
    for node in tree.nodes[1:]:
        yield sum(tokens_of(failed.reply) for failed in node.failed) + tokens_of(node.reply or "")
        if node.text.strip() not in seen:
            seen.add(node.text.strip())
            yield _tokens(node.judgment)
    for place in tree.pruned:
        yield sum(tokens_of(reply.reply) for reply in place.replies)
        yield _tokens(place.judgment) if place.judgment else 0


def _of_tree_votes(tree: Tree, recipe: Recipe) -> int:
    """Votes on nodes that could no longer win their level or be expanded; breadth first only."""
    wasted = 0
    by_depth = sorted(tree.nodes[1:], key=lambda node: (len(node.path), node.path))
    for depth, level in groupby(by_depth, key=lambda node: len(node.path)):
        nodes = list(level)
        solved = any(node.value > recipe.search.accept_threshold for node in nodes)
        chosen = 1 if solved else recipe.search.beam_width if depth < recipe.search.depth else 0
        wasted += sum(_settled_votes(node, nodes, chosen, recipe) for node in nodes)
    return wasted


def _settled_votes(node: Node, nodes: Sequence[Node], chosen: int, recipe: Recipe) -> int:
    """Tokens of the votes after which the node was already out of contention, given the values of the others."""
    votes, most, yes = node.judgment.votes, recipe.judgment.votes, 0
    place = nodes.index(node)
    for number, vote in enumerate(votes, start=1):
        yes += vote.verdict is Verdict.YES
        best = (yes + most - number) / most
        ahead = sum(
            other.value > best or (other.value == best and index < place)
            for index, other in enumerate(nodes)
            if index != place
        )
        out = ahead >= chosen if chosen else best <= recipe.search.accept_threshold
        if out:
            return sum(tokens_of(later.reply) for later in votes[number:])
    return 0


def _tokens(judgment: Judgment) -> int:
    return sum(tokens_of(vote.reply) for vote in (*judgment.votes, *judgment.redrawn))
