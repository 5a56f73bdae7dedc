"""False accepts under different rules for voting on a tree's nodes: seeded searches with judges that err.

    python benchmarks/vote_rules.py [--trees 4000]

The refiner repairs a text with a probability that depends on the prompt. The judge's probability of Yes varies from
text to text, for good and for bad texts, and a share of its replies cannot be parsed. A false accept is a tree solved
by a bad text. The search is `spar.method.search` with `bfs()`; only how a node's votes are combined differs. No model
runs.
"""

import argparse
import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from spar.method import VoteRules, bfs, judge_until_quorum, search
from spar.method.records import Judgment, JudgmentFailure, Node, Path, Refinement, ReplyFailure, Tree, Verdict, Vote
from spar.method.voting import DrawVotes, tally

Settling = Callable[[DrawVotes], Awaitable[Judgment]]


async def tie_stays(ask: DrawVotes) -> Judgment:
    """Missing votes are requested up to a quorum of 3; a tie keeps V = 0.5 and may be expanded."""
    judged = await judge_until_quorum(ask, VoteRules(retries=3))
    return replace(judged, label=Verdict.NO, failure=None) if judged.failure is JudgmentFailure.TIED else judged


def by(rules: VoteRules) -> Settling:
    return lambda ask: judge_until_quorum(ask, rules)


PAPER, FIXED = "paper: redraw, quorum 1", "fixed: top up to 3, prune ties"
RULES: dict[str, Settling] = {
    PAPER: by(VoteRules(quorum=1, retries=2, redraw=True)),
    "redraw, quorum 3": by(VoteRules(quorum=3, retries=2, redraw=True)),
    "redraw, quorum 5": by(VoteRules(quorum=5, retries=2, redraw=True)),
    FIXED: by(VoteRules(quorum=3, retries=3)),
    "top up to 3, keep ties": tie_stays,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """One prompt: how often a refinement of it is good, and how judge and refiner err."""

    seed: int
    unparsable: float

    def draw(self, *what: object) -> Random:
        return Random(hashlib.sha256(repr((self.seed, *what)).encode()).digest())

    def good(self, text: str) -> bool:
        return text.startswith("good")

    async def refine(self, parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        """Half of the texts are drawn from a few, so that siblings repeat them."""
        chance = self.draw("prompt").betavariate(1, 4)
        drawn = []
        for index in range(n):
            random = self.draw("refine", parent.path, attempt, index)
            kind = "good" if random.random() < chance else "bad"
            number = random.randrange(3) if random.random() < 0.5 else (*parent.path, attempt, index)
            drawn.append(Refinement(reply="", text=f"{kind} {number}"))
        return drawn

    def ask(self, text: str) -> DrawVotes:
        chance = self.draw("judge", text).betavariate(*((8, 2) if self.good(text) else (2, 6)))

        async def ask(n: int, attempt: int) -> Sequence[Vote]:
            random = self.draw("votes", text, attempt)
            return [self._vote(random, chance) for _ in range(n)]

        return ask

    def _vote(self, random: Random, chance: float) -> Vote:
        if random.random() < self.unparsable:
            return Vote("", failure=ReplyFailure.UNPARSABLE)
        return Vote("", Verdict.YES if random.random() < chance else Verdict.NO)


async def grow(world: World, settling: Settling) -> Tree:
    async def judge(text: str, path: Path) -> Judgment:
        return await settling(world.ask(text))

    root = Node(path=(), text="bad root", judgment=tally([Vote("", Verdict.NO)] * 5, 3))
    return await search("a prompt", root, world.refine, judge, replace(bfs(), stop_when_decided=False))


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Of `trees` trees: how many were solved, how many of these by a bad text, and the votes used."""

    trees: int
    solved: int
    false: int
    votes: int


def measure(settling: Settling, trees: int, unparsable: float) -> Result:
    async def all_trees() -> list[tuple[World, Tree]]:
        worlds = [World(seed=seed, unparsable=unparsable) for seed in range(trees)]
        return [(world, await grow(world, settling)) for world in worlds]

    grown = asyncio.run(all_trees())
    solved = [(world, tree.node(tree.best).text) for world, tree in grown if tree.solved and tree.best is not None]
    false = sum(not world.good(text) for world, text in solved)
    return Result(trees=trees, solved=len(solved), false=false, votes=sum(tree.votes for _, tree in grown))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trees", type=int, default=4000)
    trees = parser.parse_args().trees
    print(
        "| unparsable | rule | solved | false accepts | share of solved | votes per tree |\n|---|---|---|---|---|---|"
    )
    for unparsable in (0.0, 0.05, 0.15, 0.3, 0.5):
        for name, settling in RULES.items():
            found = measure(settling, trees, unparsable)
            share = f"{100 * found.false / found.solved:.1f}%"
            cells = (f"{unparsable:.0%}", name, found.solved, found.false, share, f"{found.votes / trees:.1f}")
            print("|", " | ".join(map(str, cells)), "|")


if __name__ == "__main__":
    main()
