"""The settings of an import. The same settings and sources give the same files."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from spar.data.filters import Lengths
from spar.data.layouts import PromptRules, SystemRule
from spar.data.sources import Options
from spar.data.text_rows import Rule, TextRules
from spar.errors import DataError

REVISION = 2  # raise it when the same settings would give other files


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """`near` is a Jaccard similarity, None for no near de-duplication; `sft_share` of the prompts goes to SFT."""

    options: Options = field(default_factory=Options)
    system: SystemRule = "reject"
    tools: Rule = "reject"
    lengths: Lengths = field(default_factory=Lengths)
    languages: tuple[str, ...] = ()
    near: float | None = 0.7
    evaluation: tuple[str, ...] = ()
    ngram: int = 8
    overlap: float = 0.5
    sft_share: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises DataError for invalid settings."""
        if self.near is not None and not 0 < self.near <= 1:
            raise DataError(
                f"--near {self.near} is not a similarity.", "Give a number above 0 and up to 1, or --no-near."
            )
        if not 0 < self.overlap <= 1:
            raise DataError(f"--overlap {self.overlap} is not a share.", "Give a number above 0 and up to 1.")
        if not 0 <= self.sft_share <= 1:
            raise DataError(f"--sft-share {self.sft_share} is not a share.", "Give a number from 0 to 1.")
        if self.ngram < 1:
            raise DataError("--ngram must be a number of words, 1 or more.", "8 is the default.")
        if self.lengths.min_chars > self.lengths.max_chars:
            raise DataError("--min-chars is more than --max-chars, which leaves no prompt.", "Change one of them.")

    @property
    def rules(self) -> PromptRules:
        return PromptRules(self.system, TextRules(tools=self.tools))

    def as_dict(self) -> dict[str, Any]:
        """In JSON's types, so that it can be compared with a manifest's."""
        plain = dataclasses.asdict(self)
        return {"revision": REVISION, **plain, "languages": list(self.languages), "evaluation": list(self.evaluation)}
