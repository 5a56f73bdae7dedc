"""What a run will need, from its recipe and its models' configurations alone: memory, disk, calls, tokens.

    shape      a model's config.json -> parameters, bytes of KV cache, activations
    memory     what an engine's worker and a trainer hold on a GPU
    asked      calls and tokens as bounds
    work       what an iteration asks for, stage by stage; init_work: what the starting models do
    measuring  what is asked to measure them, and of outside judges
    records    what a plan is made of
    refusals   what cannot fit, and what would
    plan       all of it together

And what a pilot, a small part that was run, says of the whole:

    pilot      which prompts, as which recipe; what was seen
    parts      the starting models' prompts and those of self-play
    stage_weights  later iterations beside the first, as the plan counts them
    chains     calls -> which waited for which; queueing plays them on an engine whose pace fitting reads off them
    clocks     the engines' paces, and iterations played on them; hours puts them in a row
    forecast   calls, tokens, hours, disk and money, each with an interval; notes: what it cannot see

Loads no model library and starts nothing. Estimates are called estimates; the rest is arithmetic.
"""
