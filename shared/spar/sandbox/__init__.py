"""Runs untrusted code: checkers over responses, in a process of their own that can do next to nothing.

`run_checkers` is the entry point; `inside` is what runs in that process, `seccomp` the kernel's filter for it.
"""

from spar.sandbox.runner import CheckerJob, SandboxLimits, run_checkers

__all__ = ["CheckerJob", "SandboxLimits", "run_checkers"]
