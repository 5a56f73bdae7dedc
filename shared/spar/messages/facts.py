"""A finished step's facts as the tables keep them: what its result took to make, and what it counted.

One record for every kind; `spar.messages.counts` has a record of the counts of each. Knows nothing of who stores it.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from spar.messages.coordinator import StepFinished, StepTimings, StepUsage
from spar.recipes.models import omitted_when_default


class StepFacts(BaseModel):
    """`seconds` is None of a step without a result. `counts` are flat, by name. `timings` is None where none were
    measured: a reused result, or a worker of an older version."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    seconds: float | None = None
    worker: str | None = None
    usage: StepUsage = StepUsage()
    counts: dict[str, float] = {}
    timings: StepTimings | None = omitted_when_default(None)

    @classmethod
    def of(cls, report: StepFinished) -> "StepFacts":
        return cls(
            seconds=report.seconds,
            worker=report.worker,
            usage=report.usage,
            counts=report.counts,
            timings=report.timings,
        )

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "StepFacts":
        """As a table holds them: of a step without a result, or of an older version, some may be missing."""
        return cls.model_validate(stored)

    def stored(self) -> dict[str, Any]:
        """As a table holds them."""
        return self.model_dump()
