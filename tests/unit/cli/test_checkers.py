"""`spar prompts checkers`: the file that it writes and goes on with, and a whole call of it."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spar.cli.checker_file import CheckerFile
from spar.cli.prompts import app
from spar.errors import DataError, RecipeError
from spar.runtime.checker_writing import Checked, CheckerOutcome
from spar.testing.server import ServerOptions, running_server


def test_a_stop_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out" / "checked.jsonl"
    file = CheckerFile.open(path)
    file.add("a", CheckerOutcome(Checked.KEPT, ("code",)))
    file.add("b", CheckerOutcome(Checked.UNTRUSTED))
    with path.open("a") as torn:
        torn.write('{"prompt": "c", "che')
    again = CheckerFile.open(path)
    assert again.done == {"a", "b"}
    assert again.ends == {"kept": 1, "untrusted": 1}
    again.add("c", CheckerOutcome(Checked.KEPT, ("more",)))
    assert [json.loads(line)["prompt"] for line in path.read_text().splitlines()] == ["a", "c"]


def test_another_commands_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"text": "a"}\n')
    with pytest.raises(DataError, match="line 1 is no row of this command"):
        CheckerFile.open(path)


def test_a_teacher_that_writes_no_code_keeps_no_prompt(tmp_path: Path) -> None:
    prompts, to = tmp_path / "prompts.jsonl", tmp_path / "checked.jsonl"
    prompts.write_text('{"prompt": "Write about a lamp."}\n{"prompt": "Write about moss."}\nnothing\n')

    async def twice() -> list[str]:
        async with running_server(ServerOptions()) as url:
            command = ["checkers", str(prompts), "--teacher", url, "--model", "simulated", "--out", str(to)]
            ends = [await asyncio.to_thread(CliRunner().invoke, app, command) for _ in "ab"]
            assert all(isinstance(end.exception, DataError) and end.exception.exit_code == 2 for end in ends)
            assert "No prompt has checkers that can be trusted: 2 no_checker." in str(ends[0].exception)
            return [end.stdout for end in ends]

    first, again = (dict(line.rsplit(maxsplit=1) for line in said.splitlines()) for said in asyncio.run(twice()))
    dropped = [json.loads(line) for line in (tmp_path / "checked.dropped.jsonl").read_text().splitlines()]
    assert [row["reason"] for row in dropped] == ["no_checker"] * 2
    assert (first["prompts"], first["- no_checker"], first["rows that are no prompt"], first["calls"]) == (
        "2",
        "2",
        "1",
        "2",
    )
    assert (again["prompts"], again["calls"]) == ("2", "0")
    assert not to.exists()


def test_it_does_not_write_over_its_input(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a"}\n')
    with pytest.raises(RecipeError, match="--out is the input itself"):
        CliRunner().invoke(
            app, ["checkers", str(path), "--teacher", "http://x", "--out", str(path)], catch_exceptions=False
        )
