"""What a budget buys: strategies of inference measured over budgets (arXiv 2412.11605, Figure 5, Tables 9 and 10).

    tasks      the prompts, and what says whether a response is good
    plan       the cells of a sweep: a strategy under a budget
    running    asks the models, cell by cell
    curves     rates over what was drawn, with intervals; comparisons at equal budgets
    majority   how much better a judge gets with more votes
    report     all of it as data                        page       the same as one HTML page

The search and its strategies are `spar.inference`'s. Nothing here knows how models are served or kept.
"""
