"""Runs side by side: each one's gain over the same items, the work they share, the cost of a point.

    reading    a run's rows and results -> the data to compare
    checks     which runs cannot be compared, and why
    grouping   runs of one recipe under several seeds as one group; its name
    intervals  bootstrap over items and seeds
    build      groups -> Comparison (model)
    tables     its rows, for a terminal, CSV and LaTeX          page, forest     as one HTML page

Measures nothing, calls no model, and writes only the requested files.
"""
