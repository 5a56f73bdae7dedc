"""Rules that check which of a prompt's constraints a response follows, by type of constraint.

Two kinds: the story world's, for its own prompts; and IFEval's checkers (arXiv 2311.07911), for prompts that come with
the instructions to check. Knows nothing of models and verdicts, and no training ever sees a rule's result.
"""

from collections.abc import Callable, Mapping, Sequence

from spar.data.readers.verifiable_prompts import RuledPrompt
from spar.errors import DataError
from spar.evaluation.benchmarks.ifeval.checkers import Instruction, check
from spar.method.records import Prompt
from spar.worlds.story.rules import FORM, holds, parse_prompt, well_formed

Found = tuple[tuple[str, bool], ...]
"""Per constraint of a prompt: its type, and whether the text follows it."""
CheckText = Callable[[str], Found]
RulesFor = Callable[[Prompt], CheckText | None]
"""The check of a prompt's responses; None if no rule can check them."""


def story_rules(prompt: Prompt) -> CheckText | None:
    """The world's own prompts: each constraint by its kind, and the form."""
    try:
        constraints = parse_prompt(prompt.text).constraints
    except DataError:  # not a prompt of this world: left out and counted
        return None
    return lambda text: (*((c.kind, holds(c, text)) for c in constraints), (FORM, well_formed(text)))


def ifeval_rules(ruled: Sequence[RuledPrompt]) -> RulesFor:
    """Prompts that come with IFEval's instructions, checked strictly."""
    known: Mapping[str, RuledPrompt] = {Prompt.of(row.prompt).id: row for row in ruled}

    def rules_for(prompt: Prompt) -> CheckText | None:
        row = known.get(prompt.id)
        return None if row is None else _checking(row)

    return rules_for


def _checking(row: RuledPrompt) -> CheckText:
    instructions = [Instruction(*pair) for pair in zip(row.instructions, row.arguments, strict=True)]
    return lambda text: tuple(zip(row.instructions, check(row.prompt, instructions, text).strict, strict=True))
