"""Experiments with programs of others, run as children and read back: lm-evaluation-harness. Knows no command line."""
