"""The two iterations that make the starting models: their numbers and names, and which model each step calls.

Iteration -1 makes the actor, iteration 0 the refiner; iteration 1 is the first of self-play. Measurements after
iteration 0 are thus the start, as in a run with given models, and -2 denotes the backbones. Reads no file.
"""

from collections.abc import Mapping
from typing import Literal

from spar.recipes.models import EngineSettings, JudgmentSettings, Recipe, TeacherSettings

BACKBONE, ACTOR, REFINER = -2, -1, 0
FIRST = 1  # the first of self-play
NAMES: Mapping[int, str] = {BACKBONE: "backbone", ACTOR: "init actor", REFINER: "init refiner"}
OF = ": "
"""Separates a starting model's iteration from a kind of step."""
PROMPTS_INPUT = "init:prompts"
VERDICTS = JudgmentSettings().policy
"""The policy that searches need: only responses judged by it are refined."""
TEACHERS = ("generation", "judgment", "refinement")
"""The kinds of steps that may call a teacher; evaluations call the models themselves."""

Role = Literal["actor", "refiner"]


def first_iteration(recipe: Recipe) -> int:
    return FIRST if recipe.init is None else ACTOR


def role_of(iteration: int) -> Role | None:
    """The role that the iteration initialises; None in self-play."""
    if iteration == ACTOR:
        return "actor"
    return "refiner" if iteration == REFINER else None


def is_teachers(iteration: int, kind: str) -> bool:
    """Whether a step of this kind calls the teacher: for responses in the actor's iteration, for all else in the
    refiner's."""
    if kind not in TEACHERS or role_of(iteration) is None:
        return False
    return not (iteration == REFINER and kind == "generation")


def teacher_of(recipe: Recipe, iteration: int, kind: str) -> TeacherSettings | None:
    """The teacher that a step calls instead of the iteration's own models, if any."""
    return recipe.init.teacher if recipe.init is not None and is_teachers(iteration, kind) else None


def engine_of(recipe: Recipe, iteration: int, kind: str) -> EngineSettings:
    teacher = teacher_of(recipe, iteration, kind)
    return recipe.engine if teacher is None or teacher.engine is None else teacher.engine


def step_name(iteration: int, kind: str) -> str:
    """The name of a kind of step, distinct for the starting models: they use other prompts and call other models."""
    return kind if role_of(iteration) is None else f"{NAMES[iteration]}{OF}{kind}"


def iteration_of(step: str) -> int:
    """The iteration of a step's name; all iterations of self-play share the name of the first."""
    place = step.rpartition(OF)[0]
    return next((iteration for iteration, name in NAMES.items() if name == place), FIRST)


def data_input(role: Role) -> str:
    """The name of a given data set among a run's inputs."""
    return f"init:{role}"


def is_given(recipe: Recipe, iteration: int) -> bool:
    """Whether the iteration trains on the user's files and makes no call."""
    role = role_of(iteration)
    return recipe.init is not None and role is not None and bool(getattr(recipe.init.data, role))


def init_prompts(recipe: Recipe) -> tuple[int, int]:
    """How many prompts the actor's and the refiner's iterations take; none if the data set is given."""
    if recipe.init is None:
        return 0, 0
    wanted = recipe.init.prompts
    return (
        0 if recipe.init.data.actor else wanted.actor,
        0 if recipe.init.data.refiner else wanted.refiner,
    )


def iteration_name(iteration: int, measured: bool = False) -> str:
    """The display name; `measured` refers to the models after the iteration, not to its work."""
    if measured and iteration in (BACKBONE, REFINER):
        return "backbone" if iteration == BACKBONE else "start"
    return NAMES.get(iteration, f"iteration {iteration}")


def place_of(iteration: int, iterations: int, initialising: bool) -> str:
    """A run's progress, as text."""
    return iteration_name(iteration) if initialising else f"iteration {iteration} of {iterations}"
