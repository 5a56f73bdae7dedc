"""What only the directory store can meet: disks that refuse, processes that die, and files that are not objects."""

import errno
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from spar.errors import ObjectMissing, StoreError
from spar.store.directory import DirectoryStore
from spar.store.files import disk_error, whole_file

_NOBODY = 65534


def _put_in_child(root: Path, key: str, size: int, *, before: str = "") -> str:
    """Put `size` bytes in a process of its own; what it printed."""
    code = (
        "import os, resource\n"
        "from pathlib import Path\n"
        "from spar.errors import StoreError\n"
        "from spar.store.directory import DirectoryStore\n"
        f"{before}\n"
        f"try: DirectoryStore(Path({str(root)!r})).put({key!r}, bytes({size}))\n"
        "except StoreError as error: print(error)\n"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    return child.stdout


def test_a_disk_that_takes_no_more_keeps_what_was_there(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: the write fails half-way."""
    store = DirectoryStore(tmp_path)
    store.put("a/key", b"old")
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, (65536, {resource.RLIM_INFINITY}))"
    said = _put_in_child(tmp_path, "a/key", 1_000_000, before=limit)
    assert "Writing" in said
    assert "Nothing half-written was kept" in said
    assert store.get("a/key") == b"old"
    assert _files(tmp_path) == ["a/key"]


def test_a_directory_that_cannot_be_written_is_explained() -> None:
    root = Path(tempfile.mkdtemp(prefix="spar-readonly-"))  # outside tmp_path, whose parents shut others out
    root.chmod(0o555)
    try:
        said = _put_in_child(root, "key", 1, before=f"os.setuid({_NOBODY})" if os.geteuid() == 0 else "")
        assert "Permission denied" in said
        assert "choose a directory that this user can read and write" in said
        assert _files(root) == []
    finally:
        root.rmdir()


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "The disk is full: free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only: choose a directory"),
        (errno.EIO, "Check the disk"),
    ],
)
def test_what_the_disk_says_gets_a_fix(number: int, says: str) -> None:
    error = disk_error(OSError(number, os.strerror(number)), "Writing x")
    assert error.what == f"Writing x failed: {os.strerror(number)}."
    assert says in error.fix


def test_a_store_on_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(StoreError, match="A part of that path is a file"):
        DirectoryStore(tmp_path / "file" / "store").put("key", b"x")


def test_looking_makes_nothing(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    assert not store.exists("key")
    assert list(store.keys("")) == []
    with pytest.raises(ObjectMissing):
        store.get("key")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def fail_half_way() -> None:
        with whole_file(target) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_bytes() == b"old"
    assert _files(tmp_path) == ["file"]


def test_what_killed_writers_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    scratch = tmp_path / "~scratch"
    scratch.mkdir()
    old, new = scratch / "~1-old", scratch / "~2-new"
    for draft in (old, new):
        draft.write_bytes(b"half")
    two_days_ago = time.time() - 48 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    store = DirectoryStore(tmp_path)
    assert not old.exists()
    assert new.exists()
    assert list(store.keys("")) == []


def test_processes_write_one_key_together(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom spar.store.directory import DirectoryStore\n"
        f"store = DirectoryStore(Path({str(tmp_path)!r}))\n"
        "for _ in range(50): store.put('key', sys.argv[1].encode() * 100_000)\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, letter]) for letter in "abc"]
    store = DirectoryStore(tmp_path)
    while any(child.poll() is None for child in children):
        if store.exists("key"):
            assert store.get("key") in {letter * 100_000 for letter in (b"a", b"b", b"c")}
    assert [child.returncode for child in children] == [0, 0, 0]
    assert _files(tmp_path) == ["key"]


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_directory_that_is_gone_as_a_whole_has_lost_no_object(tmp_path: Path) -> None:
    """As a disk that is not mounted any more: what is on it must not be computed again."""
    root, away = tmp_path / "store", tmp_path / "away"
    fresh = DirectoryStore(root)
    assert not fresh.exists("a/key")
    with pytest.raises(ObjectMissing):
        fresh.get("a/key")
    fresh.put("a/key", b"x")
    root.rename(away)
    for broken in (False, True):
        if broken:
            root.symlink_to(root)
        store = DirectoryStore(root) if broken else fresh
        for attempt in (lambda: store.get("a/key"), lambda: store.exists("a/key"), lambda: store.put("b", b"y")):  # noqa: B023 - called here
            with pytest.raises(StoreError, match="is not there any more") as caught:
                attempt()
            assert not isinstance(caught.value, ObjectMissing)
    root.unlink()
    away.rename(root)
    assert fresh.get("a/key") == b"x"
