"""A prompt's checkers from a teacher: written, tried on each other's cases, back-translated; or why there are none.

AutoIF's preparation (arXiv 2406.13542, section 3.1) as its released code does it. Knows no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from spar.aio import gather
from spar.method.checking import TRANSLATED, Case, enough, trusted
from spar.method.records import Prompt
from spar.roles.checker_writer import Teacher
from spar.sandbox import CheckerJob, run_checkers


class CheckerStatus(StrEnum):
    """How a prompt ends; the first that applies."""

    NO_CHECKER = "no_checker"  # no reply with a function and cases
    TOO_FEW = "too_few"  # functions, or cases to try them on
    UNTRUSTED = "untrusted"  # no function is right on enough of the cases
    CONTRADICTED = "contradicted"  # one of the first that are left checks something else
    UNSURE = "unsure"  # the teacher did not state whether one does
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class CheckerOutcome:
    """`sources` is empty unless the prompt was kept."""

    end: CheckerStatus
    sources: tuple[str, ...] = ()


async def write_checkers(teacher: Teacher, prompts: Sequence[Prompt], samples: int) -> list[CheckerOutcome]:
    """How each prompt ends, in their order. Checkers of all of them are tried together: one sandbox for many."""
    written = await gather(_written(teacher, prompt, samples) for prompt in prompts)
    trusted = iter(await trusted_sources([each for each in written if not isinstance(each, CheckerStatus)]))
    tried = [each if isinstance(each, CheckerStatus) else next(trusted) for each in written]
    return await gather(_outcome(teacher, prompt, each) for prompt, each in zip(prompts, tried, strict=True))


_Written = tuple[list[str], list[Case]]


async def _written(teacher: Teacher, prompt: Prompt, samples: int) -> _Written | CheckerStatus:
    """A prompt's checkers and cases, each once, if they are enough to be tried on each other."""
    written = await teacher.write(prompt, samples)
    if not written:
        return CheckerStatus.NO_CHECKER
    sources = list(dict.fromkeys(one.source for one in written))
    cases = list(dict.fromkeys(case for one in written for case in one.cases))
    return (sources, cases) if enough(sources, cases) else CheckerStatus.TOO_FEW


async def _outcome(teacher: Teacher, prompt: Prompt, tried: list[str] | CheckerStatus) -> CheckerOutcome:
    """As AutoIF's released code: one contradiction among the first checkers drops the prompt, with all of them."""
    if isinstance(tried, CheckerStatus):
        return CheckerOutcome(tried)
    if not tried:
        return CheckerOutcome(CheckerStatus.UNTRUSTED)
    first = tried[:TRANSLATED]
    found = await gather(teacher.contradicts(prompt, source, place) for place, source in enumerate(first))
    if True in found:
        return CheckerOutcome(CheckerStatus.CONTRADICTED)
    return CheckerOutcome(CheckerStatus.UNSURE) if None in found else CheckerOutcome(CheckerStatus.KEPT, tuple(tried))


async def trusted_sources(written: Sequence[tuple[Sequence[str], Sequence[Case]]]) -> list[list[str]]:
    """Of each prompt's checkers, run in the sandbox on all of its cases, the trusted ones. Equal sources count once."""
    jobs = [
        CheckerJob(source, tuple(case.response for case in cases)) for sources, cases in written for source in sources
    ]
    replies = iter(await run_checkers(jobs))
    kept = []
    for sources, cases in written:
        right = trusted([next(replies) for _ in sources], cases)
        kept.append(list(dict.fromkeys(sources[place] for place in right)))
    return kept
