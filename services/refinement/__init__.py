"""Refinement: the refiner tree-searches a better text for each prompt's negative.

A search runs inside one task: refining and judging use the same weights, so no message passes between them.
"""
