"""Finds prompts that overlap with an evaluation prompt: they share too many of its n-grams.

A prompt is contaminated by an evaluation prompt if they share at least `overlap` of the word n-grams of the one with
fewer. A share, rather than a single n-gram as for pre-training data (arXiv 2005.14165, appendix C), because prompts
about formats share phrases such as "your entire response should be in" without being the same prompt.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from spar.data.words import ngrams, number_of


@dataclass(frozen=True, slots=True)
class Contamination:
    """The evaluation prompt that overlaps, and the share of common n-grams."""

    name: str
    share: float


class EvaluationIndex:
    """The n-grams of all evaluation prompts, in memory: evaluation sets are small."""

    def __init__(self, prompts: Iterable[tuple[str, str]], n: int, overlap: float) -> None:
        """`prompts` are (name, text)."""
        self._n, self._overlap = n, overlap
        self._names: list[str] = []
        self._sizes: list[int] = []
        self._where: defaultdict[int, list[int]] = defaultdict(list)
        for name, text in prompts:
            found = ngrams(text, n)
            for ngram in found:
                self._where[number_of(ngram)].append(len(self._names))
            self._names.append(name)
            self._sizes.append(len(found))

    def __len__(self) -> int:
        return len(self._names)

    def find(self, text: str) -> Contamination | None:
        """The closest evaluation prompt, if it overlaps too much."""
        found = ngrams(text, self._n)
        shared = Counter(index for ngram in found for index in self._where.get(number_of(ngram), ()))
        shares = ((count / min(len(found), self._sizes[index]), index) for index, count in shared.items())
        share, index = max(shares, key=lambda pair: (pair[0], -pair[1]), default=(0.0, 0))
        return Contamination(self._names[index], share) if shared and share >= self._overlap else None
