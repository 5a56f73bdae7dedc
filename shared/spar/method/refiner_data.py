"""Selects what the refiner learns from: solving refinements, and judgments of nodes and responses (RFT).

docs/method.md, "Rules": lists a (refinements), b (tree judgments) and c (response judgments), each shuffled and
cut to its cap, then de-duplicated by judge prompt in that order. Everything that is dropped is counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from spar.errors import AccountingError
from spar.method.examples import Candidate, JudgePrompting, refinement_candidates, response_candidates, tree_candidates
from spar.method.records import Example, ExampleKind, JudgedPrompt, Message, Tree
from spar.method.templates import TemplateSet

_YES = (ExampleKind.TREE_YES, ExampleKind.RESPONSE_YES)
_NO = (ExampleKind.TREE_NO, ExampleKind.RESPONSE_NO)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerDataRules:
    """Caps and choices; the defaults are the paper's.

    `contested_only` False takes every labelled judgment instead of contested ones, still capped. `balance` cuts Yes
    and No judgments to equal numbers.
    """

    refinements: int = 4000
    tree_yes: int = 1500
    tree_no: int = 1000
    response_no: int = 500
    response_yes: int = 2500
    contested_only: bool = True
    balance: bool = False

    @property
    def caps(self) -> dict[ExampleKind, int]:
        """The cap of each kind, in the order in which kinds claim judge prompts."""
        return {
            ExampleKind.REFINEMENT: self.refinements,
            ExampleKind.TREE_YES: self.tree_yes,
            ExampleKind.TREE_NO: self.tree_no,
            ExampleKind.RESPONSE_NO: self.response_no,
            ExampleKind.RESPONSE_YES: self.response_yes,
        }


class DropReason(StrEnum):
    """Why a candidate is no example."""

    UNANIMOUS = "unanimous"
    SAME_TREE = "same_tree"  # another judgment of that tree and label was taken
    OVER_CAP = "over_cap"
    REPEATED = "repeated"  # its judge prompt was taken
    UNBALANCED = "unbalanced"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleCounts:
    """The counts of one kind: candidates kept, and candidates dropped by `DropReason`."""

    candidates: int
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefinerData:
    """The examples, and the counts of each `ExampleKind`."""

    examples: tuple[Example, ...]
    counts: Mapping[str, ExampleCounts] = field(default_factory=dict)


def select_refiner_examples(
    trees: Sequence[Tree],
    judged: Sequence[JudgedPrompt],
    rules: RefinerDataRules,
    templates: TemplateSet,
    seed: int,
    judge_prompt: JudgePrompting | None = None,
) -> RefinerData:
    """Select the refiner's examples of one iteration, seeded. `judge_prompt` is the judge's turn for responses, if that
    is not the judge template's.

    Refinements (a) are the solving step of each solved tree, the best node from its parent: the earlier steps of its
    path led to texts judged bad, which rejection sampling leaves out. A contested judgment is one with 0 < V < 1.
    Where one judgment per tree and label is taken (contested_only), it is drawn.
    """
    candidates = [
        *refinement_candidates(trees, templates),
        *tree_candidates(trees, templates),
        *response_candidates(judged, judge_prompt or templates.judge_messages),
    ]
    choice = _Choice(rules, Random(seed))
    for kind in rules.caps:
        choice.add(kind, [candidate for candidate in candidates if candidate.example.kind is kind])
    if rules.balance:
        choice.balance()
    return choice.result()


class _Choice:
    """A selection in progress: the examples kept, the judge prompts taken, and the reasons of the others."""

    def __init__(self, rules: RefinerDataRules, random: Random) -> None:
        self._rules, self._random = rules, random
        self._kept: dict[ExampleKind, list[Candidate]] = {}
        self._taken: set[Message] = set()
        self._candidates: dict[ExampleKind, int] = {}
        self._dropped: dict[ExampleKind, dict[str, int]] = {}

    def add(self, kind: ExampleKind, pool: list[Candidate]) -> None:
        self._kept[kind] = pool
        self._candidates[kind] = len(pool)
        self._dropped[kind] = {}
        if self._rules.contested_only and kind is not ExampleKind.REFINEMENT:
            self._keep(kind, DropReason.UNANIMOUS, [candidate for candidate in pool if candidate.contested])
        self._random.shuffle(self._kept[kind])
        if self._rules.contested_only:
            self._keep(kind, DropReason.SAME_TREE, _one_per_tree(self._kept[kind]))
        self._keep(kind, DropReason.OVER_CAP, self._kept[kind][: self._rules.caps[kind]])
        self._keep(kind, DropReason.REPEATED, self._claim(self._kept[kind]))

    def balance(self) -> None:
        """Cut the more frequent of Yes and No judgments to the number of the other."""
        fewer = min(sum(len(self._kept[kind]) for kind in side) for side in (_YES, _NO))
        for side in (_YES, _NO):
            places = [(kind, index) for kind in side for index in range(len(self._kept[kind]))]
            drawn = set(self._random.sample(places, fewer))
            for kind in side:
                pool = enumerate(self._kept[kind])
                self._keep(kind, DropReason.UNBALANCED, [one for index, one in pool if (kind, index) in drawn])

    def result(self) -> RefinerData:
        examples = (candidate.example for kept in self._kept.values() for candidate in kept)
        return RefinerData(tuple(examples), {kind.value: self._counted(kind) for kind in self._kept})

    def _counted(self, kind: ExampleKind) -> ExampleCounts:
        counted = ExampleCounts(
            candidates=self._candidates[kind], kept=len(self._kept[kind]), dropped=self._dropped[kind]
        )
        if counted.kept + sum(counted.dropped.values()) != counted.candidates:
            raise AccountingError(f"The candidates of kind {kind} do not add up: {counted}.", "This is a bug.")
        return counted

    def _keep(self, kind: ExampleKind, reason: DropReason, kept: list[Candidate]) -> None:
        self._dropped[kind][reason.value] = len(self._kept[kind]) - len(kept)
        self._kept[kind] = kept

    def _claim(self, pool: Sequence[Candidate]) -> list[Candidate]:
        new = []
        for candidate in pool:
            if candidate.judge_prompt not in self._taken:
                self._taken.add(candidate.judge_prompt)
                new.append(candidate)
        return new


def _one_per_tree(pool: Sequence[Candidate]) -> list[Candidate]:
    """The first of each tree, which is random, as the pool is shuffled. Candidates from no tree stay."""
    first: dict[int, Candidate] = {}
    for candidate in pool:
        if candidate.tree is not None:
            first.setdefault(candidate.tree, candidate)
    return [candidate for candidate in pool if candidate.tree is None or first[candidate.tree] is candidate]
