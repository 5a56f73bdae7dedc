"""The tasks by name."""

from collections.abc import Mapping

from spar.synthetic.tasks.base import SyntheticTask
from spar.synthetic.tasks.characters import Characters
from spar.synthetic.tasks.stories import Stories

TASKS: Mapping[str, SyntheticTask] = {task.name: task for task in (Characters(), Stories())}
