"""Suggested commands: what is pasted into a shell is what was meant."""

import shlex
from pathlib import Path

import pytest

from spar.commands import command, in_directory


@pytest.mark.parametrize("name", ["plain", "my home", "it's", "$HOME", "a;b", "*", 'say "hi"', "", "-x y"])
def test_every_word_is_one_word_of_a_shell(name: str) -> None:
    assert shlex.split(command("resume", name, "--dir", Path(name))) == [
        "spar",
        "resume",
        name,
        "--dir",
        str(Path(name)),
    ]


def test_a_directory_is_named_as_people_type_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert in_directory(tmp_path / "runs" / "demo") == ("--dir", "runs/demo")
    assert in_directory(tmp_path.parent) == ("--dir", str(tmp_path.parent.resolve()))
    assert in_directory(tmp_path) == ("--dir", str(tmp_path.resolve()))
