"""What is measured of models and pairs: suites of items, and the intervals around their rates.

Measures only. Nothing here feeds selection or training: a rule that saw a score would be teaching, not
measuring.
"""
