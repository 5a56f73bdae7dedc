"""Estimates what a run needs from its recipe and its models' configurations: memory, disk, calls, tokens.

    shape           a model's config.json -> parameters, bytes of KV cache, activations
    memory          what an engine's worker and a trainer hold on a GPU
    call_estimates  bounds on calls and tokens
    work            the calls of an iteration, stage by stage; init_work: those of making the starting models
    measuring       the calls of evaluations and of outside judges
    plan_inputs     the recipe, model configurations and benchmark sizes that a plan reads
    records         the parts of a plan
    refusals        what cannot fit, and what would
    plan            the complete plan

And forecasts the whole run from a pilot, a small part that was run:

    pilot           which prompts it runs, as which recipe; what it observed
    parts           the starting models' prompts and those of self-play
    stage_weights   later iterations relative to the first, in the plan's estimates
    chains          calls -> which waited for which; queueing simulates them on an engine whose pace fitting estimates
    clocks          the engines' paces, and iterations simulated on them; hours sums them up
    forecast        calls, tokens, hours, disk and money, each with an interval; notes: its limits

Loads no model library and starts nothing. Estimates are labelled as such; the rest is arithmetic.
"""
