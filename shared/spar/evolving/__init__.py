"""Prompts being evolved: what is sent to a teacher next, over a queue, and what becomes of the results.

    evolve     from source files to the folder that comes out: read and cut, price, run, collect
    job        what is asked for                shards     seed prompts cut into shards, and what is still to be done
    plan       what decides a shard's steps     runner     takes every shard through its steps; the loop
    flights    the attempts in flight           lookout    looks for those that are lost
    queue      the seam: where steps go, and results come from
    stack      that seam on a stack's broker and store; the one in this process is spar.embedded.step_queue

What an evolution is, and its files, is `spar.evolution`'s; its steps are done by `services.generation.evolving`.
Nothing here writes to a run's tables (docs/decisions/0008).
"""
