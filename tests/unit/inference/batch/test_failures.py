"""`spar refine` where the engine fails some rows: the others are searched, and the same command resumes."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from spar.cli.refine import RefineOptions
from spar.engines.base import Adjustment, ChatModel, Completion, LocalModel, Sampling
from spar.errors import EngineUnavailable, ModelUnusable, SparError
from spar.inference.batch.run import failed_rows, nothing_searched, search_file
from spar.inference.batch.summary import Summary
from spar.method.records import Message


class Failing:
    """An engine that judges every text good, and fails those that hold BAD with the error."""

    def __init__(self, error: SparError | None) -> None:
        self._error = error

    async def serve(self, model: LocalModel) -> ChatModel:
        return self

    async def close(self) -> None:
        return None

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        if self._error is not None and "BAD" in messages[0].content:
            raise self._error
        text = "Step-by-step verification: fine.\nFinal Judgement: Yes"
        return [
            Completion(
                text=text,
                finish_reason="stop",
                prompt_tokens=10,
                completion_tokens=5,
                usage_estimated=True,
                adjustments=(Adjustment.SEED_NOT_SENT,),
            )
        ] * n


def search(folder: Path, rows: Sequence[str], error: SparError | None) -> Summary:
    source = folder / "in.jsonl"
    source.write_text("".join(json.dumps({"prompt": row, "response": "r"}) + "\n" for row in rows), encoding="utf-8")
    options = RefineOptions(source, "http://127.0.0.1:1/v1", folder / "out.jsonl", model="m", votes=1, trees=2)
    return asyncio.run(search_file(options.job(), Failing(error), lambda _: None))


def test_rows_that_fail_are_reported_and_searched_by_the_next_call(tmp_path: Path) -> None:
    rows = ["one", "BAD two", "three", "BAD four"]
    summary = search(tmp_path, rows, EngineUnavailable("It is away.", "Wait."))
    assert summary.rows == 2
    assert summary.failed == {2: "It is away.", 4: "It is away."}
    assert "  failed: line 2: It is away." in summary.lines()
    job = RefineOptions(tmp_path / "in.jsonl", "http://127.0.0.1:1/v1", tmp_path / "out.jsonl", model="m").job()
    error = failed_rows(summary, job)
    assert error.exit_code == 3
    assert "line 2: It is away." in error.what
    resumed = search(tmp_path, rows, None)
    assert (resumed.rows, resumed.earlier, resumed.failed) == (4, 2, {})


def test_an_engine_that_fails_every_row_ends_the_command(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="It is away") as raised:
        search(tmp_path, ["BAD"] * 50, EngineUnavailable("It is away.", "Wait."))
    assert "resume" in raised.value.fix


def test_a_model_that_is_not_served_is_no_rows_failure(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable):
        search(tmp_path, ["one", "BAD two", "three"], ModelUnusable("It is not served.", "Name another."))


def test_what_was_not_counted_or_not_sent_is_in_the_summary(tmp_path: Path) -> None:
    lines = search(tmp_path, ["one", "two"], None).lines()
    assert any("30 of them estimated" in line for line in lines)
    assert "replies to requests that were adapted to the server: seed_not_sent 2" in lines


@pytest.mark.parametrize(
    ("outcomes", "reasons", "what"),
    [
        ({}, {}, "holds no row"),
        ({"rejected": 3}, {"no key `response`": 2, "no key `prompt`": 1}, "2 of them because: no key `response`"),
        ({"unparsable": 2, "rejected": 1}, {"no key `response`": 1}, "votes on 2 responses cannot be read"),
    ],
)
def test_a_command_that_searched_no_row_is_no_success(
    outcomes: dict[str, int], reasons: dict[str, int], what: str, tmp_path: Path
) -> None:
    job = RefineOptions(tmp_path / "in.jsonl", "http://127.0.0.1:1/v1", tmp_path / "out.jsonl", model="m").job()
    summary = Summary(rows=sum(outcomes.values()), outcomes=Counter(outcomes), reasons=Counter(reasons))
    error = nothing_searched(summary, job)
    assert error is not None
    assert error.exit_code == 2
    assert what in error.what
    summary.outcomes["unsolved"] += 1
    summary.rows += 1
    assert nothing_searched(summary, job) is None
