"""Benchmarks, a folder each, and what they share. `spar.benchmark_registry` finds them; knows no engine and no service.

measuring    request the items of the models, score the rows: the one way for command and service
requests     what a request holds, and how many items are requested at once
driver       what a benchmark's folder has to provide
responding   a prompt's response, with or without a search
votes        how a judge is requested for votes, and what they come to
settings     what would change a score, to be kept beside it
rows         rows of a file or of memory, checked against the items
report       what scoring gives
<benchmark>  its record, as `BENCHMARK`; its driver; how its rows are requested and scored
"""
