"""Benchmarks, a folder each, and what they share. `spar.benchmark_registry` finds them; knows no engine and no service.

measuring    request the rows of a benchmark and score them, for the command and the service
requests     a request, and its items run concurrently
driver       what a benchmark's folder has to provide
responding   a prompt's response, with or without a search
votes        a judge's votes, and their majority
settings     the settings that change a score, kept beside it
rows         rows of a file or of memory, checked against the items
report       the result of scoring
<benchmark>  its record, as `BENCHMARK`; its driver, which requests the rows; its scoring
"""
