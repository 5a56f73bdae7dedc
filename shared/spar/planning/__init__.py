"""What a run will need, from its recipe and its models' configurations alone: memory, disk, calls, tokens.

    shape    a model's config.json -> parameters, bytes of KV cache, activations
    memory   what an engine's worker and a trainer hold on a GPU
    work     calls and tokens of one iteration
    records  what a plan is made of
    refusals what cannot fit, and what would
    plan     all of it together

Loads no model library and starts nothing. Estimates are called estimates; the rest is arithmetic.
"""
