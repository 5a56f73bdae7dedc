"""Inference scaling: strategies of inference measured over budgets (arXiv 2412.11605, Figure 5, Tables 9 and 10).

    tasks          the prompts, and the rules or the judge that score a response
    grid           the cells of a sweep: a strategy under a budget
    sampling       runs the models, cell by cell
    curves         rates over the texts drawn, with intervals; comparisons at equal budgets
    majority_vote  a judge's accuracy by its number of votes
    report         all of it as data                     page       the same as one HTML page

The search and its strategies are in `spar.inference`. Nothing here knows how models are served or stored.
"""
