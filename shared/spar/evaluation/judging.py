"""How a benchmark's judge is prompted and its replies read: by verdicts, or by the policy that a recipe's judge was
trained with.

Knows no benchmark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spar.method.judging import JudgingPolicy
from spar.method.records import Verdict, Vote
from spar.method.templates.forms import PromptForm
from spar.recipes.models import JudgmentSettings
from spar.recipes.policies import judging_options, judging_policy

VERDICT = "verdict"


@dataclass(frozen=True, slots=True)
class Judging:
    """`name` is a policy of `spar.method.judging` or a third party's; `options` are those that differ from the policy's
    defaults; `form` is its prompt, None for the judge template."""

    name: str = VERDICT
    options: Mapping[str, float] = field(default_factory=dict)
    form: PromptForm | None = None

    @property
    def policy(self) -> JudgingPolicy:
        """Raises RecipeError for an unknown policy."""
        return judging_policy(self.name)

    @property
    def all_options(self) -> dict[str, float]:
        return judging_options(JudgmentSettings(policy=self.name, options=dict(self.options)))

    def vote(self, reply: str, finish_reason: str) -> Vote:
        return self.policy.parse(reply, finish_reason, self.all_options)

    def label(self, votes: Sequence[Vote]) -> Verdict | None:
        """The label of all readable votes: their majority, or whether their mean is high enough."""
        return self.policy.settle(votes, 1, self.all_options).label

    def value(self, votes: Sequence[Vote]) -> float | None:
        """The mean score of a policy whose replies state one; None for others, and where no score can be read."""
        return None if self.policy.read is None else self.policy.settle(votes, 1, self.all_options).value
