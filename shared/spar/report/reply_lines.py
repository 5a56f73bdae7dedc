"""A prompt's replies as lines for a terminal: responses with their votes, a search with everything that it drew.

Every reply is listed, failed ones too, with its finish reason and the reason of the failure. Prints nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spar.method.records import (
    JudgedPrompt,
    Judgment,
    Node,
    PrunedPlace,
    Refinement,
    Response,
    Tree,
    Verdict,
    Vote,
)
from spar.report.plain_text import excerpt, indented


@dataclass(frozen=True, slots=True)
class ReplyLines:
    """With `full`, texts are complete, each in its own block; otherwise long ones are cut."""

    full: bool = False

    def response(self, response: Response, note: str = "") -> Iterator[str]:
        kind = f", {response.failure.value}" if response.failure else ""
        yield from self._text(2, f"response {response.index}{kind}{_finish(response.finish_reason)}", response.text)
        if note:
            yield f"    {note}"

    def judged(self, judged: JudgedPrompt) -> Iterator[str]:
        for each in judged.responses:
            note = "" if each.judgment else "not judged: it is no data" if each.response.failure else "not judged"
            yield from self.response(each.response, note)
            if each.judgment is not None:
                yield from self.judgment(each.judgment, 4)

    def judgment(self, judgment: Judgment, indent: int) -> Iterator[str]:
        yield " " * indent + _summary(judgment)
        critique = judgment.critique
        for number, vote in enumerate(judgment.redrawn, start=1):
            yield from self._vote(vote, number, judgment, indent + 2, False)
        for number, vote in enumerate(judgment.votes, start=len(judgment.redrawn) + 1):
            chosen = critique is not None and vote.reply == critique
            yield from self._vote(vote, number, judgment, indent + 2, chosen)
            critique = None if chosen else critique  # only the first vote with this reply is the critique

    def tree(self, tree: Tree) -> Iterator[str]:
        yield f"  search: {_ending(tree)}"
        yield from self._text(2, "negative", tree.nodes[0].text)
        places: list[Node | PrunedPlace] = [*tree.nodes[1:], *tree.pruned]
        for place in sorted(places, key=lambda place: place.path):
            yield from self._node(place, place.path == tree.best) if isinstance(place, Node) else self._pruned(place)
        if lost := sum(tree.failures.values()) - len(tree.pruned):
            yield f"  {lost} pruned places more: the version that searched kept their number, not their replies"

    def _node(self, node: Node, best: bool) -> Iterator[str]:
        yield from self._failed(node.failed, node.path)
        name = f"refinement {_name(node.path)}{', the best' if best else ''}{_finish(node.finish_reason)}"
        yield from self._text(2, name, node.text)
        if self.full and node.reply is not None:
            yield from self._text(4, "whole reply", node.reply)
        yield from self.judgment(node.judgment, 4)

    def _pruned(self, place: PrunedPlace) -> Iterator[str]:
        yield from self._failed(place.replies if place.judgment is None else place.replies[:-1], place.path)
        if place.judgment is not None:
            last = place.replies[-1]
            name = f"refinement {_name(place.path)}{_finish(last.finish_reason)}"
            yield from self._text(2, name, last.text or last.reply)
            yield from self.judgment(place.judgment, 4)
        yield f"  refinement {_name(place.path)}: pruned as {place.reason.value} after {len(place.replies)} replies"

    def _failed(self, replies: Iterable[Refinement], path: tuple[int, ...]) -> Iterator[str]:
        for number, reply in enumerate(replies, start=1):
            why = reply.failure.value if reply.failure else "failed"
            name = f"refinement {_name(path)}, try {number}: {why}{_finish(reply.finish_reason)}"
            yield from self._text(2, name, reply.reply)

    def _vote(self, vote: Vote, number: int, judgment: Judgment, indent: int, chosen: bool) -> Iterator[str]:
        read = vote.verdict or vote.failure
        rounds = f", round {vote.round + 1}" if _rounds(judgment) > 1 else ""
        role = ", the critique" if chosen else ""
        name = f"vote {number}{rounds}: {read.value if read else 'none'}{role}{_finish(vote.finish_reason)}"
        yield from self._text(indent, name, vote.reply)

    def _text(self, indent: int, name: str, text: str) -> Iterator[str]:
        if not self.full:
            yield f"{' ' * indent}{name}: {excerpt(text)}"
            return
        yield f"{' ' * indent}{name}:"
        yield indented(text, indent + 4)


def _summary(judgment: Judgment) -> str:
    verdicts = [vote.verdict for vote in judgment.votes]
    yes, no = verdicts.count(Verdict.YES), verdicts.count(Verdict.NO)
    label = f"judged {judgment.label.value}" if judgment.label else f"no label: {judgment.failure}"
    value = "" if judgment.value is None else f", value {judgment.value:.2f}"
    unread = len(verdicts) - yes - no
    rounds = _rounds(judgment)
    return f"{label}{value} ({yes} yes, {no} no, {unread} unreadable{f', in {rounds} rounds' if rounds > 1 else ''})"


def _rounds(judgment: Judgment) -> int:
    return max((vote.round for vote in judgment.votes), default=0) + 1


def _ending(tree: Tree) -> str:
    best = "" if tree.best is None else f", best V {tree.node(tree.best).value:.2f} at {_name(tree.best)}"
    failures = "".join(f", {count} pruned as {reason}" for reason, count in tree.failures.items())
    drawn = f"{len(tree.nodes) - 1} nodes, {tree.refine_replies} replies, {tree.votes} votes"
    return f"{'solved' if tree.solved else 'not solved'}, {drawn}{best}{failures}"


def _name(path: tuple[int, ...]) -> str:
    return ".".join(map(str, path)) or "root"


def _finish(reason: str | None) -> str:
    return "" if reason is None else f" ({reason})"
