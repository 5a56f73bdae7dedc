"""Our own decode loop over a causal language model: many conversations, one batch, one thread.

    load.py      a directory -> model and tokenizer, with the attention that the decode loop computes
    calls.py     one `sample` call and the replies to it
    prefill.py   prompts -> keys and values, each prompt once
    cache.py     keys and values of all running branches, over memory that is reused
    branches.py  rows with the same tokens so far, computed once
    rows.py      the state of each running row, and the sampler: logits and uniforms -> tokens
    batch.py     one model's rows: join, step, leave
    thread.py    the one thread that all models share

Tensors are indexed (rows, heads, time, dim); keys, values and queries keep this order throughout, and logits are
(rows, vocabulary). Imported only when a transformers engine is made: torch takes seconds. Nothing here knows what a
prompt means.
"""
