"""Runs whole programs that a model wrote, each in its own sandboxed process, and reports which of them completed.

Knows no benchmark: a program that raises, is killed or never ends has not passed.
"""

import asyncio
from collections.abc import Sequence

from spar.errors import ServiceError
from spar.sandbox import CheckerJob, SandboxLimits, run_checkers

LIMITS = SandboxLimits(cpu_s=3, wall_s=15.0, memory_bytes=1 << 30)  # 3 s: the limit of HumanEval's own harness
PASSED = "passed"
_RUN = 'def evaluate(program):\n    exec(compile(program, "program", "exec"), {})\n    return True\n'


def run_programs(programs: Sequence[str], limits: SandboxLimits = LIMITS) -> list[str]:
    """For each program: `passed`, or how it ended. Raises ServiceError without a sandbox: then none is run."""
    return asyncio.run(_run(programs, limits))


async def _run(programs: Sequence[str], limits: SandboxLimits) -> list[str]:
    jobs = [run_checkers([CheckerJob(_RUN, (program,))], limits) for program in programs]
    return [result for [[result]] in await asyncio.gather(*jobs)]


def check_confinement() -> None:
    """Raises ServiceError if a model's programs would not be confined, before a model writes any."""
    try:
        run_programs([""])
    except ServiceError as error:
        raise ServiceError(f"Programs that a model writes are not run here: {error.what}", error.fix) from error
