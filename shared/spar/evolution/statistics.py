"""Statistics of the evolved prompts as a set: lengths, similarity, and constraints.

Self-BLEU (Zhu et al., Texygen, arXiv 1802.01886) is the mean BLEU-4 of each prompt with all others as references;
higher means more alike. It grows with the number of prompts, so it is computed over a deterministic sample of at most
`SAMPLE` and reported with the sample's size. sacrebleu computes it.
"""

import heapq
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from spar.data.words import words
from spar.evolution.records import EvolutionOutcome
from spar.evolution.taxonomy import Taxonomy
from spar.method.records import Prompt
from spar.method.seeds import derive_seed

SAMPLE = 100
"""Prompts in a self-BLEU; its cost grows quadratically."""
_PERCENTS = (10, 50, 90)


@dataclass(slots=True, kw_only=True)
class SetStatistics:
    """Add every drawn main constraint, and every kept evolved prompt. Memory: 8 bytes per prompt, and a sample."""

    taxonomy: Taxonomy
    seed: int
    drawn: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    undeclared: int = 0
    """Kept prompts whose reply did not name the kinds it added."""
    _seed_words: "array[int]" = field(default_factory=lambda: array("I"))
    _words: "array[int]" = field(default_factory=lambda: array("I"))
    _sample: list[tuple[int, str, str]] = field(default_factory=list)

    def draw(self, main: str) -> None:
        self.drawn[main] += 1

    def keep(self, seed_prompt: Prompt, main: str, added: tuple[str, ...] | None, text: str) -> None:
        self.kept[main] += 1
        self.added.update(added or ())
        self.undeclared += added is None
        self._seed_words.append(len(words(seed_prompt.text)))
        self._words.append(len(words(text)))
        # A heap of negated draws keeps the lowest: a sample that depends on the prompts, not on their order.
        entry = (-derive_seed(self.seed, 0, seed_prompt.id, "self_bleu"), seed_prompt.text, text)
        if len(self._sample) < SAMPLE:
            heapq.heappush(self._sample, entry)
        else:
            heapq.heappushpop(self._sample, entry)

    def as_json(self) -> dict[str, Any]:
        """All statistics, for the manifest. The two self-BLEUs take seconds."""
        chosen = sorted(self._sample)
        keys = [group.key for group in self.taxonomy.groups]
        return {
            "main_drawn": {key: self.drawn[key] for key in keys},
            "main_drawn_chi_square": chi_square([self.drawn[key] for key in keys]),
            "main_kept": {key: self.kept[key] for key in keys},
            "added_kept": {key: self.added[key] for key in keys},
            "added_not_named": self.undeclared,
            "words_of_seeds": lengths(self._seed_words),
            "words": lengths(self._words),
            "self_bleu_of": len(chosen),
            "self_bleu_of_seeds": self_bleu([seed for _, seed, _ in chosen]),
            "self_bleu": self_bleu([text for _, _, text in chosen]),
        }


def chi_square(counts: Sequence[int]) -> float | None:
    """Pearson's statistic against equal shares; len(counts) - 1 degrees of freedom. None without any count."""
    total = sum(counts)
    if not total:
        return None
    expected = total / len(counts)
    return round(sum((count - expected) ** 2 for count in counts) / expected, 3)


def lengths(counts: Sequence[int]) -> dict[str, float] | None:
    """Smallest, largest, mean and percentiles (nearest rank); None without any count."""
    if not counts:
        return None
    ranked = sorted(counts)
    extremes: dict[str, float] = {"least": ranked[0], "most": ranked[-1], "mean": round(sum(ranked) / len(ranked), 1)}
    return extremes | {f"p{percent}": ranked[-(-len(ranked) * percent // 100) - 1] for percent in _PERCENTS}


def self_bleu(texts: Sequence[str]) -> float | None:
    """From 0 to 100; None for fewer than two texts."""
    if len(texts) < 2:
        return None
    from sacrebleu.metrics.bleu import BLEU

    # effective_order: a prompt of three words has no 4-gram, and counts by the n-grams that it has.
    metric = BLEU(effective_order=True)
    scores = [
        metric.sentence_score(text, [*texts[:place], *texts[place + 1 :]]).score for place, text in enumerate(texts)
    ]
    return round(sum(scores) / len(scores), 2)


def outcomes_in_order(counts: Counter[EvolutionOutcome]) -> dict[str, int]:
    """Every outcome, including those that did not occur, in the order in which they apply."""
    return {outcome.value: counts[outcome] for outcome in EvolutionOutcome}
