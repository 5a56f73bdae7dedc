"""Prompt evolution: seed prompts become prompts with constraints on the response, written by a teacher.

    taxonomy, taxonomies/     the groups of constraints as data, and the draw of a prompt's main one
    forms, templates/         the two forms that the teacher fills in: evolve a prompt, check the evolved one
    replies                   what is read out of its replies
    records                   what became of a seed prompt; every one ends in exactly one outcome
    seeds                     from source files to shards of seed prompts
    price                     calls, tokens and money, before anything is asked
    statistics                lengths, self-BLEU, and how often each group was drawn
    manifest, writing         the folder that comes out

Source: arXiv 2412.11605, section 2. Reads files and writes files; it asks no model:
`spar.engines.evolving` does, inside the steps of `services.generation.evolving`.
"""
