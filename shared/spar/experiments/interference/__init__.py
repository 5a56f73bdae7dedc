"""The paper's synthetic experiments (arXiv 2412.11605, Figure 4): do differences between a pair's responses that are
unrelated to the instruction interfere with learning the instruction?

    tasks/        the prompts and the rules for a correct response: characters, stories
    pairs         the two kinds of pairs, over the same prompts and rejected responses
    models        the tiny models, and sampling from them
    learning      the project's own trainers, with the model measured between steps
    experiment    one seed: a starting model and two trainings, measured at intervals
    claims        the paper's claims, tested over the seeds
    page          the curves and the verdicts as one HTML page

Nothing here knows runs, queues or recipes.
"""
