"""Programs that a model wrote: what counts as passed, and that each has a process of its own."""

from spar.experiments.lm_eval.sandboxed import LIMITS, PASSED, check_confinement, run_programs
from spar.sandbox import SandboxLimits


def test_a_program_passes_if_it_runs_to_its_end() -> None:
    programs = ["x = 1\nassert x == 1", "assert 1 == 2", "import sys\nsys.exit(0)", "def f(:", "open('new', 'w')"]
    said = run_programs(programs)
    assert [each == PASSED for each in said] == [True, False, False, False, False]
    assert said[1].startswith("AssertionError")
    assert "PermissionError" in said[4]


def test_programs_neither_share_a_process_nor_wait_for_one_that_hangs() -> None:
    said = run_programs(
        ["import math\nmath.pi = 4", "while True: pass", "import math\nassert math.pi < 3.2"],
        SandboxLimits(cpu_s=1, wall_s=5.0),
    )
    assert [each == PASSED for each in said] == [True, False, True]
    assert said[1].startswith("the checker")
    assert LIMITS.cpu_s == 3


def test_this_machine_confines_programs() -> None:
    check_confinement()
