"""What a user asks of the coordinator, as payloads of the table `command`."""

from typing import Any

from pydantic import Field

from spar.messages.base import ModelRef, Wire
from spar.recipes.models import BudgetSettings, FailureSettings, GuardSettings, omitted_when_default

SUBMIT = "submit"
CANCEL = "cancel"
RESUME = "resume"
REPLAY = "replay"
DROP = "drop"


class Submission(Wire):
    """A run to start, or to resume. `recipe` is resolved; texts are in the store already, under their keys."""

    run_id: str
    recipe: dict[str, Any]
    models: dict[str, ModelRef]
    templates: str
    prompts: str
    inputs: dict[str, str] = Field(default_factory=dict)
    """Keys of what else the recipe's policies read: `form:NAME`, `checkers`, `mix`, `rules`."""


class RunCommand(Wire):
    """Cancel a run."""

    run_id: str


class ResumeCommand(Wire):
    """Resume a cancelled, failed or stopped run; the sections given take the place of its own."""

    run_id: str
    budget: BudgetSettings | None = None
    failures: FailureSettings | None = None
    guards: GuardSettings | None = omitted_when_default(None)


class ReplayCommand(Wire):
    """Try dead letters again: those of these step ids; None means all of the run that were not dropped."""

    run_id: str
    steps: tuple[int, ...] | None = None


class DropCommand(Wire):
    """Leave dead letters dead: their prompts' outcomes count as they are. Harmless for those that were dropped."""

    run_id: str
    steps: tuple[int, ...]
