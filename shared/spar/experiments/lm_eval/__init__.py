"""General benchmarks by lm-evaluation-harness, which prompts and scores in a child process.

    job         which tasks of which model, and the calls of lm-eval that measure them
    run         the child process: its folder, its environment, the reason of a failure
    tasks       how tasks are scored, from their files
    server      the abilities of a model's server, checked before anything starts
    results     scores, intervals and items from lm-eval's output
    code_eval   the metric of HumanEval, which runs programs in the sandbox (sandboxed)

Prints nothing and knows no recipe. The published files are `spar.evaluation.general_sets`.
"""
