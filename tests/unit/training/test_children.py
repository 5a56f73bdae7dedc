"""Children end with their parent, and say why they ended."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from spar.processes.child import start_child

GRANDCHILD = (
    "import subprocess, sys, os, time;"
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "os.write(int(os.environ['SPAR_REPORT_FD']), f'{os.getpid()} {p.pid}\\n'.encode());"
    "time.sleep(600)"
)

PARENT = """
import asyncio, sys
from pathlib import Path
from spar.processes.child import start_child

async def main():
    child = await start_child([sys.executable, "-c", sys.argv[1]], log=Path(sys.argv[2]), reports=True)
    async for line in child.reports():
        print(line, end="", flush=True)

asyncio.run(main())
"""


def gone(pidfd: int, seconds: float = 20.0) -> bool:
    """Whether the process behind the descriptor ends in time: no polling, and no reuse of its number."""
    return bool(select.select([pidfd], [], [], seconds)[0])


def test_kill_9_of_the_parent_leaves_no_descendant(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, GRANDCHILD, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        descendants = [os.pidfd_open(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(descendants) == 2
        parent.kill()
        parent.wait()
        assert all(gone(pidfd) for pidfd in descendants)
        for pidfd in descendants:
            os.close(pidfd)


async def test_a_child_that_ends_takes_its_own_children_along(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "end")
    code = GRANDCHILD.rpartition(";")[0] + ";open(sys.argv[1]).read()"
    command = [sys.executable, "-c", code, str(tmp_path / "end")]
    child = await start_child(command, log=tmp_path / "log", reports=True)
    grandchild = os.pidfd_open(int((await anext(aiter(child.reports()))).split()[1]))
    (tmp_path / "end").write_text("now")
    assert await child.wait() == 0
    assert gone(grandchild)
    os.close(grandchild)


async def test_exit_code_output_and_reports_come_back(tmp_path: Path) -> None:
    code = "import os, sys; os.write(int(os.environ['SPAR_REPORT_FD']), b'hello\\n'); print('out'); sys.exit('bad')"
    child = await start_child([sys.executable, "-c", code], log=tmp_path / "log", reports=True)
    assert [line async for line in child.reports()] == ["hello\n"]
    assert await child.wait() == 1
    assert sorted(child.tail().split()) == ["bad", "out"]


async def test_a_command_that_does_not_exist_exits_with_127(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    child = await start_child(["no-such-command"], log=tmp_path / "log", scratch=scratch)
    assert await child.wait() == 127
    assert not scratch.exists()
    assert "no-such-command: No such file" in child.tail()


async def test_stop_asks_first(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, threading; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7));"
        "os.write(int(os.environ['SPAR_REPORT_FD']), b'ready\\n'); threading.Event().wait()"
    )
    child = await start_child([sys.executable, "-c", code], log=tmp_path / "log", reports=True)
    await anext(aiter(child.reports()))
    assert await child.stop(grace_s=20) == 7


async def test_stop_does_not_ask_twice(tmp_path: Path) -> None:
    code = (
        "import os, signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "os.write(int(os.environ['SPAR_REPORT_FD']), b'ready\\n'); threading.Event().wait()"
    )
    child = await start_child([sys.executable, "-c", code], log=tmp_path / "log", reports=True)
    await anext(aiter(child.reports()))
    assert await child.stop(grace_s=0.1) == 128 + signal.SIGKILL


async def test_many_children_at_once(tmp_path: Path) -> None:
    children = await asyncio.gather(
        *(start_child([sys.executable, "-S", "-c", "1"], log=tmp_path / str(n)) for n in range(8))
    )
    assert await asyncio.gather(*(child.wait() for child in children)) == [0] * 8


async def test_a_child_starts_in_the_folder_that_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", "import os; print(os.getcwd())"]
    child = await start_child(command, log=tmp_path / "log", cwd=tmp_path)
    assert await child.wait() == 0
    assert (tmp_path / "log").read_text().strip() == str(tmp_path)
