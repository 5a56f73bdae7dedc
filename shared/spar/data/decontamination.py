"""Finds prompts that are too close to an evaluation prompt: they share too many of its runs of words.

A prompt is contaminated by an evaluation prompt if they share at least `overlap` of the runs of `n` words of the one
that has fewer. The share, and not any one run as for pre-training data (arXiv 2005.14165, appendix C), because prompts
about formats share phrases such as "your entire response should be in" and are not the same prompt for that.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from spar.data.words import number_of, runs


@dataclass(frozen=True, slots=True)
class Contamination:
    """By which evaluation prompt, and the share of runs in common."""

    name: str
    share: float


class EvaluationIndex:
    """The runs of all evaluation prompts, in memory: evaluation sets are small."""

    def __init__(self, prompts: Iterable[tuple[str, str]], n: int, overlap: float) -> None:
        """`prompts` are (name, text)."""
        self._n, self._overlap = n, overlap
        self._names: list[str] = []
        self._sizes: list[int] = []
        self._where: defaultdict[int, list[int]] = defaultdict(list)
        for name, text in prompts:
            found = runs(text, n)
            for run in found:
                self._where[number_of(run)].append(len(self._names))
            self._names.append(name)
            self._sizes.append(len(found))

    def __len__(self) -> int:
        return len(self._names)

    def find(self, text: str) -> Contamination | None:
        """The evaluation prompt that is closest, if it is too close."""
        found = runs(text, self._n)
        shared = Counter(index for run in found for index in self._where.get(number_of(run), ()))
        shares = ((count / min(len(found), self._sizes[index]), index) for index, count in shared.items())
        share, index = max(shares, key=lambda pair: (pair[0], -pair[1]), default=(0.0, 0))
        return Contamination(self._names[index], share) if shared and share >= self._overlap else None
