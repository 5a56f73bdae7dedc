"""Instructions for AutoIF: a list of seeds, and those that a teacher writes from it, round by round, each text once.

AutoIF prompts with the same seeds repeatedly and removes duplicates (arXiv 2406.13542, section 3.1). Knows no files.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from spar.aio import gather
from spar.roles.instruction_writer import InstructionTeacher

A_REPLY = 50
"""Instructions requested in one reply, as in AutoIF's released code."""
BARREN = 3
"""Batches in a row without a new instruction, after which the teacher is exhausted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRound:
    """One round of a teacher: its number, its new instructions, and the number of duplicates that it wrote."""

    turn: int
    new: tuple[str, ...]
    repeated: int


async def write_instructions(
    teacher: InstructionTeacher, seeds: Sequence[str], known: set[str], wanted: int, start: int = 0, at_once: int = 1
) -> AsyncIterator[WrittenRound]:
    """Rounds from number `start` on until there are `wanted` new instructions; fewer if the teacher repeats itself.

    `known` are texts that do not count as new, including the seeds; new instructions are added to it.
    """
    found, barren, turn = 0, 0, start
    while found < wanted and barren < BARREN:
        turns = range(turn, turn + at_once)
        replies = await gather(teacher.write(seeds, A_REPLY, each) for each in turns)
        before = found
        for each, texts in zip(turns, replies, strict=True):
            new = tuple(text for text in texts if text not in known)[: wanted - found]
            repeated = sum(text in known for text in texts)
            known.update(new)
            found += len(new)
            yield WrittenRound(turn=each, new=new, repeated=repeated)
        barren = 0 if found > before else barren + 1
        turn += at_once
