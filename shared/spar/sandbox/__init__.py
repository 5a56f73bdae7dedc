"""Runs code that nobody has read: a checker over responses, in a process of its own that can do next to nothing.

`run_checker` is the way in; `inside` is what runs in that process, `seccomp` what it asks the kernel to forbid it.
"""

from spar.sandbox.runner import Limits, run_checker

__all__ = ["Limits", "run_checker"]
