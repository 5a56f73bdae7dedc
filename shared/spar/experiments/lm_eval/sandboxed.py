"""Runs whole programs that a model wrote, each in a sandboxed process of its own, and says which ran to their end.

Knows no benchmark: a program that raises, is ended or never ends has not passed.
"""

import asyncio
from collections.abc import Sequence

from spar.errors import ServiceError
from spar.sandbox import CheckerJob, SandboxLimits, run_checkers

LIMITS = SandboxLimits(cpu_s=3, wall_s=15.0, memory_bytes=1 << 30)  # 3 s: what HumanEval's own harness gives a program
PASSED = "passed"
_RUN = 'def evaluate(program):\n    exec(compile(program, "program", "exec"), {})\n    return True\n'


def run_programs(programs: Sequence[str], limits: SandboxLimits = LIMITS) -> list[str]:
    """Of each: `passed`, or how it ended. Raises ServiceError where nothing confines them: then none is run."""
    return asyncio.run(_run(programs, limits))


async def _run(programs: Sequence[str], limits: SandboxLimits) -> list[str]:
    jobs = [run_checkers([CheckerJob(_RUN, (program,))], limits) for program in programs]
    return [said for [[said]] in await asyncio.gather(*jobs)]


def check_confinement() -> None:
    """Raises ServiceError where a model's programs would not be confined, before a model is asked for any."""
    try:
        run_programs([""])
    except ServiceError as error:
        raise ServiceError(f"No program that a model writes is run here: {error.what}", error.fix) from error
