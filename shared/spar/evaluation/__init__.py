"""Measurements of models and pairs: suites of items, benchmarks, and confidence intervals of their rates.

Nothing here feeds selection or training: a score that did would be a training signal, not a measurement.
"""
