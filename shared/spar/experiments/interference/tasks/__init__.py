"""The tasks by name."""

from collections.abc import Mapping

from spar.experiments.interference.tasks.base import SyntheticTask
from spar.experiments.interference.tasks.characters import Characters
from spar.experiments.interference.tasks.stories import Stories

TASKS: Mapping[str, SyntheticTask] = {task.name: task for task in (Characters(), Stories())}
