"""Locks on files: held by one process, seen by others, gone with their process."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from spar.embedded.home import Home, HomeInUse
from spar.file_locks import is_locked, try_lock

HOLD = (
    "import os, sys\nfrom spar.file_locks import try_lock\n"
    "assert try_lock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT))\nprint('held', flush=True)\nsys.stdin.read()\n"
)


def test_a_lock_is_seen_while_its_process_lives_and_gone_once_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    assert not path.exists()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(path)
        mine = os.open(path, os.O_RDWR)
        assert not try_lock(mine)
        holder.kill()
        holder.wait()
    assert not is_locked(path)
    assert try_lock(mine)
    os.close(mine)


def test_looking_never_keeps_a_process_from_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            is_locked(path)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(200):
            descriptor = os.open(path, os.O_RDWR)
            assert try_lock(descriptor)
            os.close(descriptor)
    finally:
        over.set()
        for looker in lookers:
            looker.join()


def test_a_home_knows_whether_a_process_runs_in_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert not home.in_use()
    with Home(home.root).lock():
        assert home.in_use()
        with pytest.raises(HomeInUse, match="Another process is running"):
            home.lock()
    assert not home.in_use()
