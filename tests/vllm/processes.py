"""Finds a process's descendants, and the `vllm serve` among them."""

from pathlib import Path


def descendants(parent: int) -> list[int]:
    children: list[int] = []
    for thread in Path(f"/proc/{parent}/task").iterdir():  # children belong to the thread that started them
        children += [int(pid) for pid in (thread / "children").read_text().split()]
    return children + [below for child in children for below in descendants(child)]


def server_of(parent: int) -> int:
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in descendants(parent)}
    # The guard's command line holds the server's; only the guard's has Python's -I.
    return next(pid for pid, words in commands.items() if b"serve" in words and b"-I" not in words)
