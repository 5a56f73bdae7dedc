"""A finished step's facts as the tables keep them: what its result took to make, and what it counted.

One record for every kind; `spar.messages.counts` has a record of the counts of each. Knows nothing of who stores it.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from spar.messages.coordinator import StepFinished, StepUsage


class StepFacts(BaseModel):
    """`seconds` is None of a step without a result. `counts` are flat, by name."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    seconds: float | None = None
    worker: str | None = None
    usage: StepUsage = StepUsage()
    counts: dict[str, float] = {}

    @classmethod
    def of(cls, report: StepFinished) -> "StepFacts":
        return cls(seconds=report.seconds, worker=report.worker, usage=report.usage, counts=report.counts)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "StepFacts":
        """As a table holds them: of a step without a result, or of an older version, some may be missing."""
        return cls.model_validate(stored)

    def stored(self) -> dict[str, Any]:
        """As a table holds them."""
        return self.model_dump()
