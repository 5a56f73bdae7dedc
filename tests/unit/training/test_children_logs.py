"""What children print is kept without credentials, whole, and for its owner only."""

import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from spar.processes.child import start_child

KEY = "a-key-that-children-print"
WITH_KEY = {"SPAR_ENGINE_API_KEY": KEY}


async def printed(code: str, log: Path, env: Mapping[str, str] = WITH_KEY) -> tuple[int, str]:
    child = await start_child([sys.executable, "-c", code], log=log, env=env)
    return await child.wait(), read(log)


def read(log: Path) -> str:
    return log.read_text(encoding="utf-8")


async def test_a_key_of_the_environment_is_in_no_log(tmp_path: Path) -> None:
    code = f"import sys; print('out', {KEY!r}); print('err', {KEY!r}, file=sys.stderr); sys.exit(3)"
    assert await printed(code, tmp_path / "log") == (3, "err [redacted]\nout [redacted]\n")


async def test_nor_where_it_is_written_in_two_pieces_or_without_an_end_of_line(tmp_path: Path) -> None:
    pieces = f"import os; os.write(1, b'x {KEY[:9]}'); os.write(1, b'{KEY[9:]} y')"
    assert await printed(pieces, tmp_path / "pieces") == (0, "x [redacted] y")
    at_the_end_of_a_chunk = f"print('z' * (1 << 21) + {KEY!r} + 'z' * (1 << 21), end='')"
    _, text = await printed(at_the_end_of_a_chunk, tmp_path / "long")
    assert text == "z" * (1 << 21) + "[redacted]" + "z" * (1 << 21)


async def test_what_a_command_prints_is_kept_byte_by_byte(tmp_path: Path) -> None:
    code = "import os; os.write(1, bytes(range(256)) + b'10%\\r20%\\r'); os.write(2, b'end')"
    child = await start_child([sys.executable, "-c", code], log=tmp_path / "log", env=WITH_KEY)
    await child.wait()
    assert (tmp_path / "log").read_bytes() == bytes(range(256)) + b"10%\r20%\rend"
    assert child.tail(1) == "end"


async def test_a_process_that_the_command_leaves_behind_holds_up_nothing(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys; print('started', flush=True);"
        "subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'], stdin=subprocess.PIPE,"
        " pass_fds=[], start_new_session=False)"
    )
    assert await printed(code, tmp_path / "log") == (0, "started\n")


@pytest.mark.parametrize("env", [{}, WITH_KEY])
async def test_a_log_is_its_owners_alone(tmp_path: Path, env: dict[str, str]) -> None:
    log = tmp_path / "log"
    log.write_text("earlier\n")
    log.chmod(0o644)
    assert await printed("print('now')", log, env) == (0, "earlier\nnow\n")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def test_without_credentials_nothing_stands_between_a_command_and_its_log(tmp_path: Path) -> None:
    code = "import os, stat; print(stat.S_ISREG(os.fstat(1).st_mode))"
    assert (await printed(code, tmp_path / "plain", {}))[1] == "True\n"
    assert (await printed(code, tmp_path / "filtered"))[1] == "False\n"
