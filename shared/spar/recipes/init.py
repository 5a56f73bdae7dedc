"""The starting models' two iterations: how they are numbered and named, and who is asked in them.

Iteration -1 makes the actor, iteration 0 the refiner; then comes 1, the first of self-play. So what is measured after
iteration 0 is the start, as in a run that is given its models, and -2 stands for the backbones. Reads no file.
"""

from collections.abc import Mapping
from typing import Literal

from spar.recipes.models import EngineSettings, JudgmentSettings, Recipe, TeacherSettings

BACKBONE, ACTOR, REFINER = -2, -1, 0
FIRST = 1  # of self-play
NAMES: Mapping[int, str] = {BACKBONE: "backbone", ACTOR: "init actor", REFINER: "init refiner"}
OF = ": "
"""Between a starting model's iteration and a kind of its steps."""
PROMPTS_INPUT = "init:prompts"
VERDICTS = JudgmentSettings().policy
"""The policy by which a search goes: only what is judged by it is refined, too."""
TEACHERS = ("generation", "judgment", "refinement")
"""The kinds of steps that may ask a teacher; what is measured, is the models'."""

Role = Literal["actor", "refiner"]


def first_iteration(recipe: Recipe) -> int:
    return FIRST if recipe.init is None else ACTOR


def role_of(iteration: int) -> Role | None:
    """Whom the iteration initialises; None in self-play."""
    if iteration == ACTOR:
        return "actor"
    return "refiner" if iteration == REFINER else None


def is_teachers(iteration: int, kind: str) -> bool:
    """Whether a step of this kind asks the teacher: for responses the first time, for all else the second."""
    if kind not in TEACHERS or role_of(iteration) is None:
        return False
    return not (iteration == REFINER and kind == "generation")


def teacher_of(recipe: Recipe, iteration: int, kind: str) -> TeacherSettings | None:
    """Who is asked instead of the iteration's own models."""
    return recipe.init.teacher if recipe.init is not None and is_teachers(iteration, kind) else None


def engine_of(recipe: Recipe, iteration: int, kind: str) -> EngineSettings:
    teacher = teacher_of(recipe, iteration, kind)
    return recipe.engine if teacher is None or teacher.engine is None else teacher.engine


def step_name(iteration: int, kind: str) -> str:
    """Of a kind of step, those of the starting models apart: other prompts go through them, and others are asked."""
    return kind if role_of(iteration) is None else f"{NAMES[iteration]}{OF}{kind}"


def iteration_of(step: str) -> int:
    """Whose step has the name; all iterations of self-play go by the name of the first."""
    place = step.rpartition(OF)[0]
    return next((iteration for iteration, name in NAMES.items() if name == place), FIRST)


def data_input(role: Role) -> str:
    """The name of a given set among a run's inputs."""
    return f"init:{role}"


def is_given(recipe: Recipe, iteration: int) -> bool:
    """Whether the iteration trains on files of the user's, and asks nobody."""
    role = role_of(iteration)
    return recipe.init is not None and role is not None and bool(getattr(recipe.init.data, role))


def init_prompts(recipe: Recipe) -> tuple[int, int]:
    """How many prompts the actor's and the refiner's iteration take: none where its set is given."""
    if recipe.init is None:
        return 0, 0
    wanted = recipe.init.prompts
    return (
        0 if recipe.init.data.actor else wanted.actor,
        0 if recipe.init.data.refiner else wanted.refiner,
    )


def iteration_name(iteration: int, measured: bool = False) -> str:
    """As people call it; `measured` means the models after it, not its work."""
    if measured and iteration in (BACKBONE, REFINER):
        return "backbone" if iteration == BACKBONE else "start"
    return NAMES.get(iteration, f"iteration {iteration}")


def place_of(iteration: int, iterations: int, initialising: bool) -> str:
    """How far a run is."""
    return iteration_name(iteration) if initialising else f"iteration {iteration} of {iterations}"
