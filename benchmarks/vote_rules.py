"""What the rules of voting on a tree's nodes cost in false accepts: seeded searches over judges that err.

    python benchmarks/vote_rules.py [--trees 4000]

A refiner mends a text with a chance of its own for each prompt; a judge says Yes of a good and of a bad text with
chances that vary from text to text, and a share of its replies cannot be read. A false accept is a tree solved by a
bad text. The search is `spar.method.search` with `bfs()`; only how a node's votes are settled differs. No model runs.
"""

import argparse
import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from spar.method import VoteRules, bfs, judge_until_quorum, search
from spar.method.records import Judgment, JudgmentFailure, Node, Path, Refinement, ReplyFailure, Tree, Verdict, Vote
from spar.method.voting import AskVotes, tally

Settling = Callable[[AskVotes], Awaitable[Judgment]]


async def tie_stays(ask: AskVotes) -> Judgment:
    """Missing votes are requested up to a quorum of 3; a tie keeps V = 0.5 and may be expanded."""
    judged = await judge_until_quorum(ask, VoteRules(retries=3))
    return replace(judged, label=Verdict.NO, failure=None) if judged.failure is JudgmentFailure.TIED else judged


def by(rules: VoteRules) -> Settling:
    return lambda ask: judge_until_quorum(ask, rules)


PAPER, FIXED = "paper: redraw, quorum 1", "fixed: top up to 3, prune a tie"
RULES: dict[str, Settling] = {
    PAPER: by(VoteRules(quorum=1, retries=2, redraw=True)),
    "redraw, quorum 3": by(VoteRules(quorum=3, retries=2, redraw=True)),
    "redraw, quorum 5": by(VoteRules(quorum=5, retries=2, redraw=True)),
    FIXED: by(VoteRules(quorum=3, retries=3)),
    "top up to 3, keep a tie": tie_stays,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """One prompt: how often a refinement of it is good, and how a judge and a refiner fail."""

    seed: int
    unreadable: float

    def draw(self, *what: object) -> Random:
        return Random(hashlib.sha256(repr((self.seed, *what)).encode()).digest())

    def good(self, text: str) -> bool:
        return text.startswith("good")

    async def refine(self, parent: Node, n: int, attempt: int) -> Sequence[Refinement]:
        """Half of the texts come from a few that siblings repeat."""
        chance = self.draw("prompt").betavariate(1, 4)
        drawn = []
        for index in range(n):
            random = self.draw("refine", parent.path, attempt, index)
            kind = "good" if random.random() < chance else "bad"
            number = random.randrange(3) if random.random() < 0.5 else (*parent.path, attempt, index)
            drawn.append(Refinement(reply="", text=f"{kind} {number}"))
        return drawn

    def ask(self, text: str) -> AskVotes:
        chance = self.draw("judge", text).betavariate(*((8, 2) if self.good(text) else (2, 6)))

        async def ask(n: int, attempt: int) -> Sequence[Vote]:
            random = self.draw("votes", text, attempt)
            return [self._vote(random, chance) for _ in range(n)]

        return ask

    def _vote(self, random: Random, chance: float) -> Vote:
        if random.random() < self.unreadable:
            return Vote("", failure=ReplyFailure.UNPARSABLE)
        return Vote("", Verdict.YES if random.random() < chance else Verdict.NO)


async def grow(world: World, settling: Settling) -> Tree:
    async def judge(text: str, path: Path) -> Judgment:
        return await settling(world.ask(text))

    root = Node(path=(), text="bad root", judgment=tally([Vote("", Verdict.NO)] * 5, 3))
    return await search("a prompt", root, world.refine, judge, replace(bfs(), stop_when_decided=False))


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Of so many trees: how many were solved, by a bad text, and the votes that this took."""

    trees: int
    solved: int
    false: int
    votes: int


def measure(settling: Settling, trees: int, unreadable: float) -> Result:
    async def all_trees() -> list[tuple[World, Tree]]:
        worlds = [World(seed=seed, unreadable=unreadable) for seed in range(trees)]
        return [(world, await grow(world, settling)) for world in worlds]

    grown = asyncio.run(all_trees())
    solved = [(world, tree.node(tree.best).text) for world, tree in grown if tree.solved and tree.best is not None]
    false = sum(not world.good(text) for world, text in solved)
    return Result(trees=trees, solved=len(solved), false=false, votes=sum(tree.votes for _, tree in grown))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trees", type=int, default=4000)
    trees = parser.parse_args().trees
    print("| unreadable | rule | solved | false accepts | of the solved | votes a tree |\n|---|---|---|---|---|---|")
    for unreadable in (0.0, 0.05, 0.15, 0.3, 0.5):
        for name, settling in RULES.items():
            found = measure(settling, trees, unreadable)
            share = f"{100 * found.false / found.solved:.1f}%"
            cells = (f"{unreadable:.0%}", name, found.solved, found.false, share, f"{found.votes / trees:.1f}")
            print("|", " | ".join(map(str, cells)), "|")


if __name__ == "__main__":
    main()
