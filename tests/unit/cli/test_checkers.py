"""`spar prompts checkers`: the file that it writes and goes on with, and a whole call of it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from spar.cli.prompts import app
from spar.errors import DataError, RecipeError
from spar.roles.checker_file import CheckerFile, queries_of
from spar.roles.verified_checkers import CheckerOutcome, CheckerStatus
from spar.testing.server import ServerOptions, running_server
from spar.worlds.story.prompts import generate_prompts


def test_a_stop_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out" / "checked.jsonl"
    file = CheckerFile.open(path)
    file.add("a", CheckerOutcome(CheckerStatus.KEPT, ("code",)))
    file.add("b", CheckerOutcome(CheckerStatus.UNTRUSTED))
    with path.open("a") as torn:
        torn.write('{"prompt": "c", "che')
    again = CheckerFile.open(path)
    assert again.done == {"a", "b"}
    assert again.ends == {"kept": 1, "untrusted": 1}
    again.add("c", CheckerOutcome(CheckerStatus.KEPT, ("more",)))
    assert [json.loads(line)["prompt"] for line in path.read_text().splitlines()] == ["a", "c"]


def test_another_commands_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"text": "a"}\n')
    with pytest.raises(DataError, match="line 1 was not written by this command"):
        CheckerFile.open(path)


def test_a_teacher_that_writes_no_code_keeps_no_prompt(tmp_path: Path) -> None:
    prompts, to = tmp_path / "prompts.jsonl", tmp_path / "checked.jsonl"
    prompts.write_text('{"prompt": "Write about a lamp."}\n{"prompt": "Write about moss."}\nnothing\n')

    async def twice() -> list[str]:
        async with running_server(ServerOptions()) as url:
            command = ["checkers", str(prompts), "--teacher", url, "--model", "simulated", "--out", str(to)]
            ends = [await asyncio.to_thread(CliRunner().invoke, app, command) for _ in "ab"]
            assert all(isinstance(end.exception, DataError) and end.exception.exit_code == 2 for end in ends)
            assert "No prompt has reliable checkers: 2 no_checker." in str(ends[0].exception)
            return [end.stdout for end in ends]

    first, again = (dict(line.rsplit(maxsplit=1) for line in said.splitlines()) for said in asyncio.run(twice()))
    dropped = [json.loads(line) for line in (tmp_path / "checked.dropped.jsonl").read_text().splitlines()]
    assert [row["reason"] for row in dropped] == ["no_checker"] * 2
    assert (first["prompts"], first["- no_checker"], first["rows without a prompt"], first["calls"]) == (
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


def prepare(folder: Path, *more: str) -> list[str]:
    """AutoIF's preparation on the story world, by its rules teacher; returns what the second command printed."""
    seeds = folder / "seeds.jsonl"
    seeds.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in generate_prompts(6, 0, "train")))
    wrote = ["instructions", str(seeds), "--teacher", "rules", "--out", str(folder / "all.jsonl"), "--count", "30"]
    first = CliRunner().invoke(app, wrote, catch_exceptions=False)
    assert first.exit_code == 0
    tried = ["checkers", str(folder / "all.jsonl"), "--teacher", "rules", "--out", str(folder / "kept.jsonl"), *more]
    return CliRunner().invoke(app, tried, catch_exceptions=False).stdout.splitlines()


def rows_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_rules_teacher_prepares_what_autoif_trains_on(tmp_path: Path) -> None:
    prepare(tmp_path)
    texts = [row["prompt"] for row in rows_in(tmp_path / "all.jsonl")]
    assert len(texts) == len(set(texts)) == 30
    kept, dropped = rows_in(tmp_path / "kept.jsonl"), rows_in(tmp_path / "kept.dropped.jsonl")
    assert len(kept) + len(dropped) == 30
    assert len(kept) > 15
    assert all(len(row["checkers"]) > 0 for row in kept)


def test_instructions_are_continued_and_the_seeds_are_among_them(tmp_path: Path) -> None:
    prepare(tmp_path)
    before = (tmp_path / "all.jsonl").read_text()
    again = ["instructions", str(tmp_path / "seeds.jsonl"), "--teacher", "rules", "--out", str(tmp_path / "all.jsonl")]
    assert CliRunner().invoke(app, [*again, "--count", "40"], catch_exceptions=False).exit_code == 0
    after = (tmp_path / "all.jsonl").read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 40


def test_each_instruction_goes_with_queries_of_a_fitting_length(tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    texts = ["Too short.", *[f"Tell me about the number {n}, please." for n in range(5)], "long " * 80]
    queries.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    printed = prepare(tmp_path, "--queries", str(queries), "--queries-each", "3")
    kept, joined = rows_in(tmp_path / "kept.jsonl"), rows_in(tmp_path / "kept.prompts.jsonl")
    assert len(joined) == 3 * len(kept)
    assert {row["prompt"].split("\n")[0] for row in joined} == set(texts[1:-1])
    assert {row["prompt"].split("\n")[1] for row in joined} == {row["prompt"] for row in kept}
    assert printed[-1].split()[-1] == "2"  # queries left out


def test_a_teacher_that_writes_no_list_is_an_error(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text('{"prompt": "Use no commas."}\n')

    async def once() -> Result:
        async with running_server(ServerOptions()) as url:
            command = ["instructions", str(seeds), "--teacher", url, "--model", "simulated", "--count", "9"]
            return await asyncio.to_thread(CliRunner().invoke, app, [*command, "--out", str(tmp_path / "all.jsonl")])

    error = asyncio.run(once()).exception
    assert isinstance(error, DataError)
    assert "has 1 instructions, not 9: the teacher repeats itself." in str(error)


def test_queries_of_no_fitting_length_are_refused_with_the_length(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text('{"prompt": "too short"}\n{"prompt": "short too"}\n')
    with pytest.raises(DataError, match=r"None of the 2 queries in .* has 21 to 299 characters"):
        queries_of(path)
