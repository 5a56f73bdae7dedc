"""General benchmarks through lm-evaluation-harness, which asks and scores in a child of its own.

    job         which tasks of which model, and the calls of lm-eval that measure them
    run         the child: its folder, its environment, why it failed
    tasks       how tasks are scored, from their files
    server      what a model's server can do, before anything starts
    results     scores, intervals and items of what lm-eval wrote
    code_eval   the metric of HumanEval, which runs programs in the sandbox (sandboxed)

Prints nothing and knows no recipe. The published files are `spar.evaluation.general_sets`.
"""
