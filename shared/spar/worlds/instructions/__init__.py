"""Short everyday instructions that a program can verify: real text for a small model that cannot judge.

Each prompt is an everyday request under one or two constraints, and comes with a Python checker for each of them
(recipe policy `judgment.policy: execution`). Uses no model and runs no checker.
"""

from spar.worlds.instructions.prompts import CheckablePrompt, checkable_prompts

__all__ = ["CheckablePrompt", "checkable_prompts"]
