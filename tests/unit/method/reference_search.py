"""The paper's search written down a second time, one step after another, to compare `spar.method.search` with.

It shares nothing with that but `World`, which says what a refiner and a judge would reply. Rules: arXiv 2412.11605,
section 2.3, as the authors' code has them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

ROOT = "the negative"
BRANCH, KEEP, DEPTH, GATE = 3, 2, 3, 0.5
ROUNDS, TRIES, VOTES = 3, 9, 5
Path = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class World:
    """What models reply on each occasion, drawn from a seed: texts that repeat, failures, ties, unreadable votes."""

    seed: int

    def _draw(self, *occasion: object) -> Random:
        return Random(repr((self.seed, occasion)))

    def refined(self, parent: Path, index: int, attempt: int) -> str | None:
        """The text of one refine reply; None if it hands in nothing."""
        random = self._draw("refine", parent, index, attempt)
        if random.random() < self._draw("failing").choice([0.0, 0.2, 0.9]):
            return None
        return random.choice([ROOT, *(f"text {number}" for number in range(self._draw("texts").choice([2, 5, 40])))])

    def votes(self, text: str, attempt: int) -> str:
        """One round of votes: y, n, and - for one that cannot be read."""
        random = self._draw("votes", text, attempt)
        shares = self._draw("judge").choice([(1, 9, 0), (3, 6, 1), (3, 3, 4), (1, 1, 8)])
        return "".join(random.choices("yn-", shares, k=VOTES))

    @property
    def root_votes(self) -> str:
        return self._draw("root").choice(["nnnnn", "nnnny", "nyn--", "n----"])


@dataclass(frozen=True, kw_only=True)
class Judged:
    value: float
    label: str
    critique: str  # the vote's place, as "n 2"


@dataclass(frozen=True, kw_only=True)
class Child:
    path: Path
    text: str
    judged: Judged


@dataclass(kw_only=True)
class ReferenceSearch:
    world: World
    children: list[Child] = field(default_factory=list)
    pruned: list[Path] = field(default_factory=list)
    solved: bool = False
    cache: dict[str, Judged | None] = field(default_factory=dict)

    def breadth_first(self) -> "ReferenceSearch":
        self.cache[ROOT] = _majority(self.world.root_votes)
        level: list[Path] = [()]
        for _ in range(DEPTH):
            grown = [child for path in level for child in self._expand(path)]
            if self.solved:
                break
            level = [child.path for child in _best(grown)]
        return self

    def depth_first(self) -> "ReferenceSearch":
        self.cache[ROOT] = _majority(self.world.root_votes)
        self._descend((), DEPTH)
        return self

    def _descend(self, path: Path, depth: int) -> None:
        grown = list(self._expand(path))
        if self.solved or depth == 1:
            return
        for child in _best(grown):
            self._descend(child.path, depth - 1)
            if self.solved:
                return

    @property
    def best(self) -> Path | None:
        best = None
        for child in self.children:
            if best is None or child.judged.value > best.judged.value:
                best = child
        return None if best is None else best.path

    def _expand(self, path: Path) -> Iterator[Child]:
        """All children, even when one is good."""
        for index in range(BRANCH):
            text = self._refine(path, index)
            judged = None if text is None else self._judge(text)
            if text is None or judged is None:
                self.pruned.append((*path, index))
                continue
            child = Child(path=(*path, index), text=text, judged=judged)
            self.children.append(child)
            self.solved = self.solved or judged.value > GATE
            yield child

    def _refine(self, path: Path, index: int) -> str | None:
        for attempt in range(TRIES):
            text = self.world.refined(path, index, attempt)
            if text is not None:
                return text
        return None

    def _judge(self, text: str) -> Judged | None:
        if text not in self.cache:
            self.cache[text] = None
            for attempt in range(ROUNDS):
                self.cache[text] = _majority(self.world.votes(text, attempt))
                if self.cache[text] is not None:
                    break
        return self.cache[text]


def _majority(votes: str) -> Judged | None:
    yes, no = votes.count("y"), votes.count("n")
    if yes == no:
        return None
    label = "y" if yes > no else "n"
    return Judged(value=yes / (yes + no), label=label, critique=f"{label} {votes.index(label)}")


def _best(children: list[Child]) -> list[Child]:
    kept: list[Child] = []
    while len(kept) < KEEP and len(kept) < len(children):
        rest = [child for child in children if child not in kept]
        kept.append(next(child for child in rest if child.judged.value == max(one.judged.value for one in rest)))
    return kept
