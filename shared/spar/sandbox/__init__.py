"""Runs code that nobody has read: checkers over responses, in a process of their own that can do next to nothing.

`run_checkers` is the way in; `inside` is what runs in that process, `seccomp` what it asks the kernel to forbid it.
"""

from spar.sandbox.runner import CheckerJob, SandboxLimits, run_checkers

__all__ = ["CheckerJob", "SandboxLimits", "run_checkers"]
