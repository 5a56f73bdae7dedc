"""`--price`: prices told on the command line, over those of the recipe's budget. Knows nothing of what is priced."""

from collections.abc import Sequence

from spar.errors import RecipeError
from spar.recipes.models import CallPrice, PriceSettings, Recipe
from spar.recipes.source import parse_value

PRICES = {"prompt": "prompt_million", "completion": "completion_million", "hour": "hour"}
TEACHER = "teacher-"
"""Before a price of calls: the teacher's."""
HELP = "prompt, completion (a million tokens), hour; teacher-prompt, teacher-completion for the teacher's."


def priced(recipe: Recipe, given: Sequence[str]) -> PriceSettings:
    """`prompt=0.15 teacher-completion=0.6 hour=2.5` over the recipe's own. Raises RecipeError."""
    price = recipe.budget.price
    own: dict[str, float] = {}
    teacher: dict[str, float] = {}
    for text in given:
        name, _, value = text.partition("=")
        of_teacher = name.startswith(TEACHER)
        key = PRICES.get(name.removeprefix(TEACHER))
        number = parse_value(value)
        known = key is not None and not (of_teacher and key == "hour")
        if not known or isinstance(number, bool) or not isinstance(number, int | float) or number < 0:
            raise RecipeError(
                f"--price {text} is no price.",
                "Write prompt=X or completion=X (a million tokens), the same with teacher- before it, or hour=X "
                "(all machines together).",
            )
        (teacher if of_teacher else own)[str(key)] = float(number)
    changes: dict[str, object] = {**own}
    if teacher:
        # What is not told of the teacher's calls costs what it cost before: as all others do.
        before = price.model_copy(update=own) if price.teacher is None else price.teacher
        rates = {"prompt_million": before.prompt_million, "completion_million": before.completion_million}
        changes["teacher"] = CallPrice(**{**rates, **teacher})
    return price.model_copy(update=changes)


def with_prices(recipe: Recipe, given: Sequence[str]) -> Recipe:
    return recipe.model_copy(update={"budget": recipe.budget.model_copy(update={"price": priced(recipe, given)})})
