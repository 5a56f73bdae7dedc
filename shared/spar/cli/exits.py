"""Exit codes for how a run ended; those of errors are `exit_code` in spar.errors."""

FAILED = 1
STUCK = 4
"""No step has finished for long, and waiting would not help. Nothing is lost: the same command resumes."""
STOPPED = 130
"""Stopped or cancelled before its end: what a shell reports for a program that Ctrl-C ended."""
