"""Prompt evolution: a teacher turns seed prompts into prompts with constraints on the response.

    taxonomy, taxonomies/     the groups of constraints as data, and the draw of a prompt's main one
    forms, templates/         the two forms of requests to the teacher: evolve a prompt, check the evolved one
    replies                   parses its replies
    teacher                   requests to the teacher: evolve, then check
    records                   the outcomes of seed prompts; every one has exactly one
    seeds                     from source files to shards of seed prompts
    price                     calls, tokens and money, before anything is requested
    statistics                lengths, self-BLEU, and how often each group was drawn
    manifest, writing         the output folder

Steps go through a queue of this process or of a stack (docs/decisions/0008):

    evolve     from source files to the output folder: read and cut, price, run, collect
    job        what to evolve                    shards          seed prompts cut into shards, and the open work
    steps      the specs of a shard's steps      runner          takes every shard through its steps; the loop
    attempts   the attempts in flight            lost_attempts   finds lost ones
    queue      the seam to where steps are executed and results come from
    stack      that seam on a stack's broker and store; for this process: spar.embedded.step_queue

`services.generation.evolving` executes the steps. Nothing here writes to a run's tables. Source: arXiv 2412.11605,
section 2.
"""
