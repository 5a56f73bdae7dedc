"""Experiments outside a run: evaluations, lm-evaluation-harness, and the paper's figures and tables. Knows no command
line.
"""
