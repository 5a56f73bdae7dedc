"""Prompt evolution: seed prompts become prompts with constraints on the response, written by a teacher.

    taxonomy, taxonomies/     the groups of constraints as data, and the draw of a prompt's main one
    forms, templates/         the two forms that the teacher fills in: evolve a prompt, check the evolved one
    replies                   what is read out of its replies
    teacher                   requests to the teacher: evolve, then check
    records                   what became of a seed prompt; every one ends in exactly one outcome
    seeds                     from source files to shards of seed prompts
    price                     calls, tokens and money, before anything is requested
    statistics                lengths, self-BLEU, and how often each group was drawn
    manifest, writing         the folder that comes out

Over a queue, this process's or a stack's (docs/decisions/0008):

    evolve     from source files to the folder that comes out: read and cut, price, run, collect
    job        what to evolve                   shards          seed prompts cut into shards, and what remains
    steps      what decides a shard's steps     runner          takes every shard through its steps; the loop
    attempts   the attempts in flight           lost_attempts   looks for those that are lost
    queue      the seam: where steps go, and results come from
    stack      that seam on a stack's broker and store; the one in this process is spar.embedded.step_queue

Its steps are done by `services.generation.evolving`. Nothing here writes to a run's tables. Source: arXiv 2412.11605,
section 2.
"""
