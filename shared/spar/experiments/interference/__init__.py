"""The paper's synthetic experiments (arXiv 2412.11605, Figure 4): does what a pair's two responses differ in beside the
instruction get in the way of learning the instruction?

    tasks/        what is asked and what is right: characters, stories
    pairs         the two kinds of pairs, over the same prompts and rejected responses
    models        the tiny models, and sampling from them
    learning      the project's own trainers, watched while they train
    experiment    one seed after the other: a start, two trainings, measured on the way
    claims        what the paper says, tested over the seeds
    page          the curves and the verdicts as one HTML page

Nothing here knows runs, queues or recipes.
"""
