"""Published files of general benchmarks: laid out where lm-eval's own tasks look, and scored by lm-eval's own metrics.

The rows are ours, in the published form. What the one long test measures goes through lm-eval itself, against a server
whose replies are known.
"""

import gzip
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.errors import DataError
from spar.evaluation.general_sets import DATASETS, is_own, lay_out
from spar.recipes.general import LM_EVAL_NAMES
from spar.runtime.loop import LoopThread

SUMS = [
    (f"Ann has {n} pears and gets one. How many are there?", f"She has {n} + 1.\n#### {n + 1}") for n in range(2, 9)
]
TRIVIA = {
    "Which colour has a clear sky": ["Blue", "Azure"],
    "How many legs has an ant": ["6", "Six"],
}
PROGRAMS = {
    "add_one": ('def add_one(n):\n    """Add one."""\n', "    return n + 1\n", "    assert candidate(2) == 3\n"),
    "negate": ('def negate(n):\n    """Change the sign."""\n', "    return -n\n", "    assert candidate(2) == -2\n"),
    "count": ('def count(n):\n    """Count to n."""\n', "    return n\n", "    assert candidate(2) == 2\n"),
}
REPLIES = {
    SUMS[0][0]: "It is 2 + 1 = 3.\n#### 3",
    SUMS[1][0]: "#### 5",
    "Which colour has a clear sky": "azure.",
    "How many legs has an ant": "Eight",
    "add_one": "    return n + 1\n```\nDone.",
    "negate": "    return n\n```",
    "count": "    import socket\n    socket.socket()\n    return n\n```",
}
"""Right, wrong; right, wrong; right, wrong, and right if it could reach out."""


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    sums = [{"question": question, "answer": answer} for question, answer in SUMS]
    lines(folder / "gsm8k" / "test.jsonl", sums[:2])
    lines(folder / "gsm8k" / "train.jsonl", sums[2:])
    answers = [{"Question": question, "Answer": {"Value": a[0], "Aliases": a}} for question, a in TRIVIA.items()]
    (folder / "triviaqa").mkdir()
    (folder / "triviaqa" / "web-dev.json").write_text(json.dumps({"Data": answers}))
    programs = [
        {
            "task_id": f"Ours/{name}",
            "prompt": prompt,
            "canonical_solution": solution,
            "test": f"def check(candidate):\n{test}",
            "entry_point": name,
        }
        for name, (prompt, solution, test) in PROGRAMS.items()
    ]
    lines(folder / "humaneval" / "HumanEval.jsonl.gz", programs)
    for split in ("dev", "test"):
        (folder / "mmlu" / split).mkdir(parents=True)
        (folder / "mmlu" / split / f"anatomy_{split}.csv").write_text('"One, two?",a,b,c,"d, e",D\n')
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Replies by what the last question holds, as an OpenAI-compatible server would."""

    async def chat(request: web.Request) -> web.Response:
        said = "\n".join(message["content"] for message in (await request.json())["messages"])
        reply = REPLIES[max(REPLIES, key=said.rfind)]
        choice = {"index": 0, "message": {"role": "assistant", "content": reply}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice]})

    loop = LoopThread()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app)
    loop.run(runner.setup())
    site = web.TCPSite(runner, "127.0.0.1", 0)
    loop.run(site.start())
    [address] = runner.addresses
    yield f"http://127.0.0.1:{address[1]}/v1"
    loop.run(runner.cleanup())
    loop.close()


@pytest.mark.end_to_end
def test_lm_evals_own_tasks_score_what_was_said(published: Path, server: str, tmp_path: Path) -> None:
    given = ["eval", "general", "--model", f"{server}#m", "--tasks", "gsm8k,triviaqa,humaneval", "--run-code", "--json"]
    given += ["--data", str(published), "--out", str(tmp_path / "out"), "--window", "2"]
    done = CliRunner().invoke(build_app("eval"), given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["counts"] == {"gsm8k": 2, "triviaqa": 2, "humaneval": 3}
    assert result["scores"] == {"gsm8k": 50.0, "triviaqa": 50.0, "humaneval": 33.3333}
    assert result["settings"]["runs_code"] == "spar.sandbox"
    items = [json.loads(line) for line in (Path(result["folder"]) / "items.jsonl").read_text().splitlines()]
    right = {item["item"]: item["correct"] for item in items}
    assert [right[f"gsm8k/{n}"] for n in range(2)] == [right[f"triviaqa/{n}"] for n in range(2)] == [True, False]
    assert [right[f"humaneval_instruct/{n}"] for n in range(3)] == [True, False, False]
    again = CliRunner().invoke(build_app("eval"), given, catch_exceptions=False)
    assert json.loads(again.stdout) == result  # there already


def test_datasets_have_the_names_that_lm_evals_tasks_ask_for(published: Path, tmp_path: Path) -> None:
    lay_out(list(DATASETS), published, tmp_path / "hub")
    spec = find_spec("lm_eval")
    assert spec is not None
    assert spec.origin is not None
    tasks = Path(spec.origin).parent / "tasks"
    files = (
        "gsm8k/gsm8k.yaml",
        "triviaqa/default.yaml",
        "humaneval/humaneval.yaml",
        "mmlu/default/_default_template_yaml",
    )
    for file in files:
        task = _plain(tasks / file)
        card = (tmp_path / "hub" / task["dataset_path"] / "README.md").read_text().strip("-\n")
        parts = {part["config_name"]: part["data_files"] for part in yaml.safe_load(card)["configs"]}
        splits = {each["split"] for each in parts.get(task.get("dataset_name"), next(iter(parts.values())))}
        assert {task[key] for key in task if key.endswith("_split")} <= splits, file
    assert _plain(tasks / "mmlu/default/mmlu_anatomy.yaml")["dataset_name"] == "anatomy"
    assert set(LM_EVAL_NAMES) == set(DATASETS)
    row = json.loads((tmp_path / "hub/cais/mmlu/anatomy/test.jsonl").read_text())
    assert row == {"question": "One, two?", "subject": "anatomy", "choices": ["a", "b", "c", "d, e"], "answer": 3}


def _plain(path: Path) -> dict[str, Any]:
    """A task file without the functions that it names."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text().replace("!function", ""))
    return loaded


def test_the_digest_is_of_the_rows(published: Path, tmp_path: Path) -> None:
    first = lay_out(["gsm8k"], published, tmp_path / "a")
    assert lay_out(["gsm8k"], published / "gsm8k", tmp_path / "b") == first
    assert lay_out(["gsm8k"], published / "gsm8k" / "test.jsonl", tmp_path / "c") == first
    lines(published / "gsm8k" / "test.jsonl", [{"question": "q", "answer": "#### 1"}])
    assert lay_out(["gsm8k"], published, tmp_path / "d") != first


def test_rows_as_the_hub_has_them_are_taken_too(tmp_path: Path) -> None:
    file = tmp_path / "validation.jsonl"
    lines(file, [{"question": "Why", "question_id": "q1", "answer": {"value": "So", "aliases": ["So"], "type": "x"}}])
    lay_out(["triviaqa"], file, tmp_path / "hub")
    [row] = (tmp_path / "hub/mandarjoshi/trivia_qa/rc.nocontext/validation.jsonl").read_text().splitlines()
    assert json.loads(row) == {"question": "Why", "question_id": "q1", "answer": {"value": "So", "aliases": ["So"]}}


@pytest.mark.parametrize(
    ("task", "change", "told"),
    [
        ("gsm8k", lambda folder: (folder / "train.jsonl").unlink(), "train.jsonl does not exist, and gsm8k shows five"),
        ("mmlu", lambda folder: (folder / "dev" / "anatomy_dev.csv").unlink(), "anatomy_dev.csv does not exist"),
        ("mmlu", lambda folder: (folder / "test" / "anatomy_test.csv").unlink(), "has no test/"),
        (
            "mmlu",
            lambda folder: (folder / "dev" / "anatomy_dev.csv").write_text("q,a,b,c,d,answer\n"),
            "row 1 is no question",
        ),
        ("triviaqa", lambda folder: (folder / "b-dev.json").write_text("{}"), "has b-dev.json, web-dev.json"),
        ("triviaqa", lambda folder: (folder / "web-dev.json").write_text("{}"), "has no list Data"),
        (
            "triviaqa",
            lambda folder: (folder / "web-dev.json").write_text('{"Data": [{"Question": "q"}]}'),
            "no aliases",
        ),
        (
            "humaneval",
            lambda folder: lines(folder / "HumanEval.jsonl.gz", [{"task_id": "a"}]),
            "line 1: 'prompt' is missing",
        ),
    ],
)
def test_what_is_no_published_file_is_told(published: Path, tmp_path: Path, task: str, change: Any, told: str) -> None:
    change(published / task)
    with pytest.raises(DataError) as caught:
        lay_out([task], published, tmp_path / "hub")
    assert told in caught.value.what


def test_one_file_is_one_tasks_and_a_folder_of_tasks_is_lm_evals(published: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no folder gsm8k"):
        lay_out(["gsm8k", "triviaqa"], published / "gsm8k", tmp_path / "hub")
    assert not is_own(published)
    (published / "mine.yaml").write_text("task: mine\n")
    assert is_own(published)
