"""Audits a refiner by rules: which of the texts that it judged follow their prompt by the rules.

Audited are texts that an iteration judges anyway: the actor's responses, and the best refinement of each search. The
refiner is not aware of the audit. Knows nothing of runs, objects and rates; the rules are `spar.evaluation.
constraint_rules`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spar.evaluation.constraint_rules import CheckText, Found, RulesFor
from spar.method.records import JudgedPrompt, Prompt, Tree, Verdict
from spar.method.seeds import derive_seed
from spar.recipes.judge_audit import AuditSource

SLICE = "honesty"
"""Seed step of drawing the prompts that are audited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One text with the judges' labels and the rules' findings. The field names are those of stored rows.

    `said` is the refiner's label, for a refinement whether its search counts as solved; None if the votes give no
    label. `outside` is an outside judge's label, if there is such a judge.
    """

    source: AuditSource
    prompt: Prompt
    text: str
    said: Verdict | None
    found: Found
    outside: Verdict | None = None

    @property
    def good(self) -> bool:
        return all(followed for _, followed in self.found)


def draw(prompts: Iterable[Prompt], rules_for: RulesFor, size: int, seed: int, iteration: int) -> dict[str, CheckText]:
    """The checks of at most `size` prompts that a rule can check, by prompt id; the same arguments, the same slice."""
    checks = {prompt.id: check for prompt in prompts if (check := rules_for(prompt)) is not None}
    order = sorted(checks, key=lambda prompt_id: derive_seed(seed, iteration, prompt_id, SLICE))
    return {prompt_id: checks[prompt_id] for prompt_id in order[:size]}


def audit(judged: Iterable[JudgedPrompt], trees: Iterable[Tree], checks: Mapping[str, CheckText]) -> list[Audited]:
    """Every judged response, and every search's best refinement, of the prompts that have a check."""
    return [*_responses(judged, checks), *_refinements(trees, checks)]


def _responses(judged: Iterable[JudgedPrompt], checks: Mapping[str, CheckText]) -> Iterable[Audited]:
    for row in judged:
        check = checks.get(row.prompt.id)
        for each in row.responses if check is not None else ():
            if check is not None and each.judgment is not None:  # a failed reply was never judged
                text = each.response.text
                yield Audited(
                    source=AuditSource.RESPONSE,
                    prompt=row.prompt,
                    text=text,
                    said=each.judgment.label,
                    found=check(text),
                )


def _refinements(trees: Iterable[Tree], checks: Mapping[str, CheckText]) -> Iterable[Audited]:
    for tree in trees:
        check = checks.get(tree.prompt.id)
        if check is not None and tree.best is not None:  # without a refinement nothing was judged
            text = tree.node(tree.best).text
            label = Verdict.YES if tree.solved else Verdict.NO
            yield Audited(source=AuditSource.REFINEMENT, prompt=tree.prompt, text=text, said=label, found=check(text))
