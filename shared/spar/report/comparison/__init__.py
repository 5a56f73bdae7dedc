"""Runs side by side: what each gained over the same items, what they shared, what a point cost.

    reading    a run's rows and results -> what is compared of it
    checks     which runs cannot be compared, and why
    grouping   runs of one recipe under several seeds are one group; its name
    intervals  bootstrap over items and seeds
    build      groups -> Comparison (model)
    tables     its rows, for a terminal, CSV and LaTeX          page, forest     as one HTML page

Measures nothing and asks no model; writes nothing but what it is told to.
"""
