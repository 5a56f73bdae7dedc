"""The sandbox: what a checker may do, and that it can do nothing else, nor stay longer than it may."""

import asyncio
import os
import platform
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from spar.errors import ServiceError
from spar.sandbox import CheckerJob, SandboxLimits, run_checkers, seccomp

SHORT = SandboxLimits(cpu_s=1, wall_s=5.0)
"""For checkers that never end by themselves."""
AMPLE = SandboxLimits(cpu_s=20, wall_s=60.0)
"""For checkers that end by themselves: a busy machine may take seconds to start one or to give it memory."""


def check(source: str, *responses: str, limits: SandboxLimits = AMPLE) -> list[str]:
    [said] = asyncio.run(run_checkers([CheckerJob(textwrap.dedent(source), responses or ("a",))], limits))
    return said


def body(*lines: str) -> str:
    return "def evaluate(response):\n" + "".join(f"    {line}\n" for line in lines)


def test_a_checker_says_of_each_response_whether_it_passes() -> None:
    source = "import re\n" + body("return bool(re.match('a+$', response))")
    assert check(source, "aaa", "b", "") == ["passed", "not passed", "not passed"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (body("return 'yes'"), "evaluate returned str, not True or False"),
        (body("return 1"), "evaluate returned int, not True or False"),
        (body("raise ValueError('no')"), "ValueError: no"),
        ("def evaluate(response) return True", "SyntaxError"),
        ("def other(response):\n    return True", "KeyError: 'evaluate'"),
        ("import sys\nsys.exit(0)", "SystemExit: 0"),
        (body("import sys", "sys.exit(0)"), "SystemExit: 0"),
        (body("import os", "os._exit(7)"), "the checker ended its process (exit code 7)"),
    ],
)
def test_a_broken_checker_is_told_and_passes_nothing(source: str, told: str) -> None:
    [said] = check(source)
    assert said.startswith(told)


@pytest.mark.parametrize(
    "lines",
    [
        ["while True:", "    pass"],
        ["import time", "time.sleep(3600)"],
        ["import signal", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", "while True: pass"],
    ],
)
def test_what_does_not_end_is_ended(lines: list[str]) -> None:
    [first, second] = check(body(*lines), "a", "b", limits=SHORT)
    assert first.startswith("the checker ")
    assert second == first


def test_processor_time_ends_at_its_limit() -> None:
    [reported] = check(body("while True:", "    pass"), limits=SandboxLimits(cpu_s=1, wall_s=60.0))
    assert reported == "the checker used more than 1 s of processor time"


def test_memory_ends_at_its_limit() -> None:
    [said] = check(body("return len([bytearray(1 << 24) for _ in range(1 << 20)]) > 0"))
    assert said.startswith("MemoryError")


def test_a_fork_bomb_does_not_fork() -> None:
    [said] = check(body("import os", "while True:", "    os.fork()"))
    assert "Error" in said


@pytest.mark.parametrize(
    "lines",
    [
        ["import subprocess", "subprocess.run(['true'])"],
        ["import os", "os.system('true')"],
        ["import threading", "threading.Thread(target=print).start()"],
        ["import socket", "socket.create_connection(('127.0.0.1', 1))"],
        ["import socket", "socket.socket(socket.AF_UNIX)"],
        ["import ctypes", "ctypes.CDLL(None)"],
        ["import os", "os.kill(os.getppid(), 9)"],
        ["import resource", "resource.setrlimit(resource.RLIMIT_CPU, (9, 9))"],
    ],
)
def test_it_reaches_nothing_outside(lines: list[str]) -> None:
    [said] = check(body(*lines, "return True"))
    assert "Error" in said


def test_it_changes_no_file(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine")
    attempts = [
        f"open({str(tmp_path / 'new')!r}, 'w')",
        f"open({str(kept)!r}, 'a')",
        f"__import__('os').open({str(kept)!r}, 1 | 512)",
        f"__import__('os').remove({str(kept)!r})",
        f"__import__('os').rename({str(kept)!r}, {str(tmp_path / 'moved')!r})",
        f"__import__('pathlib').Path({str(kept)!r}).write_text('theirs')",
    ]
    for attempt in attempts:
        [said] = check(body(attempt, "return True"))
        assert "Error" in said, attempt
    assert os.listdir(tmp_path) == ["kept"]
    assert kept.read_text() == "mine"


def test_what_it_prints_goes_nowhere() -> None:
    assert check(body("print('x' * 10_000_000)", "return True")) == ["passed"]


def test_a_report_out_of_turn_fails_its_checker_alone() -> None:
    lines = r'[1, 0, "passed"]\n[0, 1, "passed"]\nnothing\n'
    attempt = f"import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'{lines}')\n"
    source = attempt + "    except OSError:\n        pass\n" + body("return False")
    jobs = [CheckerJob(source, ("a", "b")), CheckerJob(body("return False"), ("c",))]
    failed = "the checker wrote what is no report"
    assert asyncio.run(run_checkers(jobs, AMPLE)) == [[failed, failed], ["not passed"]]


def test_the_checkers_after_one_that_ends_the_process_still_run() -> None:
    jobs = [
        CheckerJob(body("return True"), ("a",)),
        CheckerJob(body("import os", "os._exit(1)"), ("a", "b")),
        CheckerJob(body("return False"), ("a",)),
        CheckerJob(body("return True"), ()),
    ]
    said = asyncio.run(run_checkers(jobs, AMPLE))
    assert (said[0], said[2], said[3]) == (["passed"], ["not passed"], [])
    assert [text.startswith("the checker ended its process") for text in said[1]] == [True, True]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64") or sys.platform != "linux", reason="no filter")
def test_the_kernel_itself_refuses_what_python_would_let_through() -> None:
    source = f"""
import sys
sys.path.insert(0, {str(Path(seccomp.__file__).parent)!r})
import os, seccomp, socket
if not seccomp.confine():
    sys.exit(3)
refused = 0
for attempt in (socket.socket, os.fork, lambda: open("/dev/null", "w"), lambda: os.mkdir("x"), lambda: os.kill(1, 0)):
    try:
        attempt()
    except PermissionError:
        refused += 1
assert open("/proc/self/status").read()
os._exit(refused)
"""
    ended = subprocess.run([sys.executable, "-I", "-S", "-c", source], check=False, capture_output=True, timeout=30)
    if ended.returncode == 3:
        pytest.skip("this kernel takes no filter")
    assert ended.returncode == 5, ended.stderr


def test_where_the_kernel_confines_nothing_no_checker_is_run(tmp_path: Path) -> None:
    (tmp_path / "seccomp.py").write_text("def confine():\n    return False\n")
    with pytest.raises(ServiceError, match="Checkers are not run here") as caught:
        asyncio.run(run_checkers([CheckerJob(body("return True"), ("a",))], AMPLE, filters=tmp_path))
    assert "seccomp" in caught.value.fix


JUNK = {
    "no JSON": "b'junk\\n'",
    "no UTF-8": "b'\\xff\\xfe\\n'",
    "NUL": "b'\\x00\\n'",
    "deep": "b'[' * 5000 + b'\\n'",
    "wrong types": "b'[true, 0, \"passed\"]\\n'",
    "of another job": "b'[1, 0, \"passed\"]\\n'",
    "a long line": "b'x' * (3 << 20) + b'\\n'",
    "a flood": "b'[]\\n' * (1 << 20)",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK.keys())
def test_junk_for_a_report_is_that_checkers_failure(junk: str) -> None:
    """It looks for the descriptor of the reports, which is among the few that are open."""
    lines = ["import os", "for fd in range(3, 64):", "    try: os.write(fd, " + junk + ")", "    except OSError: pass"]
    jobs = [CheckerJob(body(*lines, "return True"), ("a", "b")), CheckerJob(body("return True"), ("a",))]
    first, second = asyncio.run(run_checkers(jobs, AMPLE))
    assert first == ["the checker wrote what is no report"] * 2
    assert second == ["passed"]


def test_what_a_checker_says_can_be_stored() -> None:
    [told] = check(body("raise ValueError('\\x00\\ud800')"))
    assert told == "ValueError: ??"


def test_a_source_that_is_no_text_is_broken() -> None:
    for source in ("x = '\x00'\n" + body("return True"), "x = '\ud800'\n" + body("return True")):
        [told] = check(source)
        assert "Error" in told
        told.encode()
