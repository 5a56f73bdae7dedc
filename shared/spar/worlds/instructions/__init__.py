"""Short everyday instructions that a program can check: real text for a small model that cannot judge.

Each prompt asks for something ordinary under one or two constraints, and comes with the Python source that checks each
of them (recipe policy `judgment.policy: execution`). Uses no model and runs no checker.
"""

from spar.worlds.instructions.prompts import CheckablePrompt, checkable_prompts

__all__ = ["CheckablePrompt", "checkable_prompts"]
