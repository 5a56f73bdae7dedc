"""Our own decode loop over a causal language model: many conversations, one batch, one thread.

    tokens.py     messages -> ids, ids -> text               load.py     a directory -> model and tokenizer
    calls.py      one `sample` call and where its rows go    prefill.py  prompts -> keys and values, once each
    cache.py      keys and values of all running rows        attention.py  how a new token looks at them
    buffers.py    memory that is reused
    sampler.py    logits and uniforms -> tokens              rows.py     what each running row is doing
    batch.py      one model's rows: join, step, leave        thread.py   the one thread all models share

Imported only when a transformers engine is made: torch takes seconds. Nothing here knows of prompts' meaning.
"""
