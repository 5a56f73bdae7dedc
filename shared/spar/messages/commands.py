"""What a user asks of the coordinator, as payloads of the table `command`."""

from typing import Any

from spar.messages.base import ModelRef, Wire

SUBMIT = "submit"


class Submission(Wire):
    """A run to start, or to go on with. `recipe` is resolved; texts are in the store already, under their keys."""

    run_id: str
    recipe: dict[str, Any]
    models: dict[str, ModelRef]
    templates: str
    prompts: str
