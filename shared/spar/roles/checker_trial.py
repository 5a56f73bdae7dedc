"""Tries checkers on the cases that were written with them, in the sandbox, and keeps those that can be trusted."""

from collections.abc import Sequence

from spar.method.checking import Case, trusted
from spar.sandbox import CheckerJob, run_checkers


async def trusted_sources(written: Sequence[tuple[Sequence[str], Sequence[Case]]]) -> list[list[str]]:
    """Of each prompt's checkers, tried on all of its cases, those to be trusted. Equal sources count once."""
    jobs = [
        CheckerJob(source, tuple(case.response for case in cases)) for sources, cases in written for source in sources
    ]
    replies = iter(await run_checkers(jobs))
    kept = []
    for sources, cases in written:
        right = trusted([next(replies) for _ in sources], cases)
        kept.append(list(dict.fromkeys(sources[place] for place in right)))
    return kept
