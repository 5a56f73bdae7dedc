"""A prompt's checkers from a teacher: written, tried on each other's cases, translated back; or why there are none.

AutoIF's preparation (arXiv 2406.13542, section 3.1) for one prompt. Knows no files.
"""

from dataclasses import dataclass
from enum import StrEnum

from spar.engines.checker_skills import Teacher
from spar.method.checking import enough
from spar.method.records import Prompt
from spar.runtime.trial import trusted_sources
from spar.together import together


class Checked(StrEnum):
    """How a prompt ends; the first that applies."""

    NO_CHECKER = "no_checker"  # no reply with a function and cases
    TOO_FEW = "too_few"  # functions, or cases to try them on
    UNTRUSTED = "untrusted"  # no function is right on enough of the cases
    CONTRADICTED = "contradicted"  # what is left asks for something else
    UNSURE = "unsure"  # whether it does, the teacher did not say
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class CheckerOutcome:
    """`sources` is empty unless the prompt was kept."""

    end: Checked
    sources: tuple[str, ...] = ()


async def write_checkers(teacher: Teacher, prompt: Prompt, samples: int) -> CheckerOutcome:
    written = await teacher.write(prompt, samples)
    if not written:
        return CheckerOutcome(Checked.NO_CHECKER)
    cases = [case for one in written for case in one.cases]
    sources = [one.source for one in written]
    if not enough(sources, cases):
        return CheckerOutcome(Checked.TOO_FEW)
    [trusted] = await trusted_sources([(sources, cases)])
    if not trusted:
        return CheckerOutcome(Checked.UNTRUSTED)
    said = await together(teacher.contradicts(prompt, source, place) for place, source in enumerate(trusted))
    kept = tuple(source for source, contradicts in zip(trusted, said, strict=True) if contradicts is False)
    if kept:
        return CheckerOutcome(Checked.KEPT, kept)
    return CheckerOutcome(Checked.CONTRADICTED if True in said else Checked.UNSURE)
