"""The mark of a dead step that its user has dropped: it stays dead, and its prompts' outcomes count as they are."""

from spar.db.tables import Step

_DROPPED = "dropped"


def is_dropped(step: Step) -> bool:
    return bool(step.facts.get(_DROPPED))


def mark_dropped(step: Step) -> None:
    step.facts = {**step.facts, _DROPPED: True}


def unmark_dropped(step: Step) -> None:
    step.facts = {name: fact for name, fact in step.facts.items() if name != _DROPPED}
