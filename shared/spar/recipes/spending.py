"""A run's usage, its caps, and their cost: arithmetic over a recipe's budget.

Knows neither who counts, nor what follows when a cap is reached.
"""

from dataclasses import dataclass, replace

from spar.recipes.models import BudgetSettings, PriceSettings

MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Work done, or expected. `hours` are wall-clock time without pauses; the last two are the teacher's share of the
    tokens, whose calls can have a separate price."""

    calls: float = 0
    prompt_tokens: float = 0
    completion_tokens: float = 0
    hours: float = 0.0
    trainings: float = 0
    teacher_prompt_tokens: float = 0
    teacher_completion_tokens: float = 0

    @property
    def tokens(self) -> float:
        return self.prompt_tokens + self.completion_tokens

    @property
    def teachers(self) -> "Spent":
        """The same work, all of it the teacher's."""
        return replace(self, teacher_prompt_tokens=self.prompt_tokens, teacher_completion_tokens=self.completion_tokens)

    @property
    def own(self) -> "Spent":
        """The same work, none of it the teacher's."""
        return replace(self, teacher_prompt_tokens=0, teacher_completion_tokens=0)

    def plus(self, other: "Spent", times: float = 1) -> "Spent":
        return Spent(
            calls=self.calls + times * other.calls,
            prompt_tokens=self.prompt_tokens + times * other.prompt_tokens,
            completion_tokens=self.completion_tokens + times * other.completion_tokens,
            hours=self.hours + times * other.hours,
            trainings=self.trainings + times * other.trainings,
            teacher_prompt_tokens=self.teacher_prompt_tokens + times * other.teacher_prompt_tokens,
            teacher_completion_tokens=self.teacher_completion_tokens + times * other.teacher_completion_tokens,
        )

    def money(self, price: PriceSettings) -> float:
        """The cost of the tokens and the hours, with the teacher's tokens at its own price, if it has one."""
        teacher = price.teacher or price
        tokens = (self.prompt_tokens - self.teacher_prompt_tokens) * price.prompt_million
        tokens += (self.completion_tokens - self.teacher_completion_tokens) * price.completion_million
        tokens += self.teacher_prompt_tokens * teacher.prompt_million
        tokens += self.teacher_completion_tokens * teacher.completion_million
        return tokens / MILLION + self.hours * price.hour


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLine:
    """One kind of usage, and its cap (None: none).

    `estimated`: how many of its tokens no server counted, so that they are estimated from the texts' lengths.
    """

    name: str
    spent: float
    cap: float | None
    estimated: float = 0


def burn_down(spent: Spent, budget: BudgetSettings, estimated: float = 0) -> tuple[BudgetLine, ...]:
    """All kinds of usage, in the order of the budget's keys; money only if there is a price.

    `estimated`: how many of the tokens were not counted by their server.
    """
    found = (
        BudgetLine(name="calls", spent=spent.calls, cap=budget.calls),
        BudgetLine(name="tokens", spent=spent.tokens, cap=budget.tokens, estimated=estimated),
        BudgetLine(name="hours", spent=spent.hours, cap=budget.hours),
        BudgetLine(name="money", spent=spent.money(budget.price), cap=budget.money, estimated=estimated),
        BudgetLine(name="trainings", spent=spent.trainings, cap=budget.trainings),
    )
    return tuple(burn for burn in found if burn.name != "money" or not budget.price.free)


def capped(budget: BudgetSettings) -> bool:
    """Whether the budget has any cap."""
    return any(burn.cap is not None for burn in burn_down(Spent(), budget))


def quantity(burn: BudgetLine, value: float) -> str:
    """The value as text: counts as integers, hours and money with two digits."""
    return f"{value:,.2f}" if burn.name in ("hours", "money") else f"{value:,.0f}"


def usage_text(burn: BudgetLine) -> str:
    """Such as `1,204 of 2,000 calls`, or `98,211 tokens (1,200 of them estimated)`."""
    cap = "" if burn.cap is None else f" of {quantity(burn, burn.cap)}"
    estimated = ""
    if burn.estimated:
        estimated = f" ({burn.estimated:,.0f} of them estimated)" if burn.name == "tokens" else " (partly estimated)"
    return f"{quantity(burn, burn.spent)}{cap} {burn.name}{estimated}"
