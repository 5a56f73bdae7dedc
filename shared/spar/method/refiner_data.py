"""Selects what the refiner learns from: solving refinements, and judgments of nodes and responses (RFT).

docs/method.md, "Refiner data": lists a (refinements), b (tree judgments) and c (response judgments), each shuffled
and cut to its cap, then de-duplicated by judge prompt in that order. Nothing is dropped without being counted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from spar.errors import AccountingError
from spar.method.examples import Asking, Candidate, refinement_candidates, response_candidates, tree_candidates
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


@dataclass(frozen=True, slots=True)
class RefinerData:
    """The examples, and for each kind `KIND.candidates` = `KIND.kept` + each `KIND.REASON` of being dropped.

    Reasons: unanimous, same_tree (another judgment of that tree and label was taken), over_cap, repeated (its judge
    prompt was taken), unbalanced.
    """

    examples: tuple[Example, ...]
    counts: dict[str, int] = field(default_factory=dict)


def select_refiner_examples(
    trees: Sequence[Tree],
    judged: Sequence[JudgedPrompt],
    rules: RefinerDataRules,
    templates: TemplateSet,
    seed: int,
    asking: Asking | None = None,
) -> RefinerData:
    """Choose the refiner's examples of one iteration, seeded. `asking` is how responses were judged, where that isn't
    by the judge template.

    Refinements (a) are the solving step of each solved tree, the best node from its parent: the earlier steps of its
    path led to texts judged bad, which rejection sampling leaves out. A contested judgment is one with 0 < V < 1.
    Where one judgment per tree and label is taken (contested_only), it is drawn.
    """
    candidates = [
        *refinement_candidates(trees, templates),
        *tree_candidates(trees, templates),
        *response_candidates(judged, asking or templates.judge_messages),
    ]
    choice = _Choice(rules, Random(seed))
    for kind in rules.caps:
        choice.add(kind, [candidate for candidate in candidates if candidate.example.kind is kind])
    if rules.balance:
        choice.balance()
    return choice.result()


class _Choice:
    """A choice in the making: what is kept, which judge prompts are taken, and why the rest was dropped."""

    def __init__(self, rules: RefinerDataRules, random: Random) -> None:
        self._rules, self._random = rules, random
        self._kept: dict[ExampleKind, list[Candidate]] = {}
        self._taken: set[Message] = set()
        self._counts: Counter[str] = Counter()

    def add(self, kind: ExampleKind, pool: list[Candidate]) -> None:
        self._kept[kind] = pool
        self._counts[f"{kind}.candidates"] = len(pool)
        if self._rules.contested_only and kind is not ExampleKind.REFINEMENT:
            self._keep(kind, "unanimous", [candidate for candidate in pool if candidate.contested])
        self._random.shuffle(self._kept[kind])
        if self._rules.contested_only:
            self._keep(kind, "same_tree", _one_per_tree(self._kept[kind]))
        self._keep(kind, "over_cap", self._kept[kind][: self._rules.caps[kind]])
        self._keep(kind, "repeated", self._claim(self._kept[kind]))

    def balance(self) -> None:
        """Cut Yes or No judgments, whichever are more, to the other's number."""
        fewer = min(sum(len(self._kept[kind]) for kind in side) for side in (_YES, _NO))
        for side in (_YES, _NO):
            places = [(kind, index) for kind in side for index in range(len(self._kept[kind]))]
            drawn = set(self._random.sample(places, fewer))
            for kind in side:
                pool = enumerate(self._kept[kind])
                self._keep(kind, "unbalanced", [one for index, one in pool if (kind, index) in drawn])

    def result(self) -> RefinerData:
        for kind, kept in self._kept.items():
            self._counts[f"{kind}.kept"] = len(kept)
            parts = {key: count for key, count in self._counts.items() if key.startswith(f"{kind}.")}
            candidates = parts.pop(f"{kind}.candidates")
            if sum(parts.values()) != candidates:
                raise AccountingError(f"{candidates} {kind} candidates became {parts}.", "This is a bug.")
        examples = (candidate.example for kept in self._kept.values() for candidate in kept)
        return RefinerData(tuple(examples), dict(self._counts))

    def _keep(self, kind: ExampleKind, reason: str, kept: list[Candidate]) -> None:
        self._counts[f"{kind}.{reason}"] = len(self._kept[kind]) - len(kept)
        self._kept[kind] = kept

    def _claim(self, pool: Sequence[Candidate]) -> list[Candidate]:
        new = []
        for candidate in pool:
            if candidate.judge_prompt not in self._taken:
                self._taken.add(candidate.judge_prompt)
                new.append(candidate)
        return new


def _one_per_tree(pool: Sequence[Candidate]) -> list[Candidate]:
    """The first of each tree, which is a draw, as the pool is shuffled. What is from no tree stays."""
    first: dict[int, Candidate] = {}
    for candidate in pool:
        if candidate.tree is not None:
            first.setdefault(candidate.tree, candidate)
    return [candidate for candidate in pool if candidate.tree is None or first[candidate.tree] is candidate]
