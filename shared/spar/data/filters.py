"""The filters on single prompts: length and language. Knows nothing of other prompts.

Languages are identified by py3langid (140 of them, a naive Bayes model over byte n-grams), which is deterministic.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from spar.data.rows import RejectKind, Unusable, shown
from spar.data.words import words
from spar.errors import DataError

CLEAR_LEAD = 9.0
"""Nats by which another language must lead the wanted ones. Measured: three of the 960 English prompts of IFEval and
LLMBar are identified as another language, by 8.3 at most; three-word requests in German, French, Spanish and Italian
lead English by 17 and more."""

IdentifyLanguage = Callable[[str], tuple[str, float]]
"""Returns the likeliest language of a text, and by how many nats it leads the likeliest wanted one (0 if wanted)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Limits in characters and words, inclusive."""

    min_chars: int = 1
    max_chars: int = 20_000
    min_words: int = 0

    def check(self, text: str) -> Unusable | None:
        """Why the prompt is too short or too long; None if it is neither."""
        size = len(text)
        if size < self.min_chars:
            return Unusable(
                kind=RejectKind.LENGTH, reason=f"{size} characters, fewer than {self.min_chars}", raw=shown(text)
            )
        if size > self.max_chars:
            return Unusable(
                kind=RejectKind.LENGTH, reason=f"{size} characters, more than {self.max_chars}", raw=shown(text)
            )
        if self.min_words and (count := len(words(text))) < self.min_words:
            return Unusable(
                kind=RejectKind.LENGTH, reason=f"{count} words, fewer than {self.min_words}", raw=shown(text)
            )
        return None


class Languages:
    """Accepts the wanted languages, and what is not clearly in another one."""

    def __init__(self, wanted: Collection[str], identify: IdentifyLanguage) -> None:
        self._wanted, self._identify = tuple(sorted(wanted)), identify

    def check(self, text: str) -> Unusable | None:
        language, lead = self._identify(text)
        if lead <= CLEAR_LEAD:
            return None
        return Unusable(
            kind=RejectKind.LANGUAGE,
            reason=f"it reads as '{language}', not as {', '.join(self._wanted)}",
            raw=shown(text),
        )


def language_identifier(wanted: Collection[str]) -> IdentifyLanguage:
    """py3langid's model. `wanted` are ISO 639 codes; raises DataError for one that it does not know."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    unknown = sorted(set(wanted) - set(identifier.labels))
    if unknown:
        known = ", ".join(sorted(identifier.labels))
        raise DataError(f"Unknown language '{unknown[0]}'.", f"Use one of these codes: {known}.")

    def identify(text: str) -> tuple[str, float]:
        ranked = identifier.rank(text)
        best, score = ranked[0]
        return str(best), float(score) - max(float(found) for language, found in ranked if language in wanted)

    return identify
