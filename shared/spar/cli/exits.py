"""Exit codes of a run's end; those of errors are `exit_code` in spar.errors."""

FAILED = 1
STUCK = 4
"""No step has ended for long, and waiting would not mend it. Nothing is lost: the same command resumes."""
STOPPED = 130
"""Stopped or cancelled before its end: what a shell reports for a program that Ctrl-C ended."""
