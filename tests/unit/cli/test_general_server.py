"""`spar eval general` against servers: our own gateway, and ones of which something is impossible."""

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import Result
from pydantic import SecretStr
from typer.testing import CliRunner

from services.gateway.settings import GatewaySettings
from services.gateway.worker import make_app
from spar.cli.main import build_app
from spar.errors import DataError, EngineError, RecipeError
from spar.experiments.lm_eval.tasks import scored_by_likelihood
from spar.runtime.loop import LoopThread
from spar.testing.server import ServerOptions, running_server
from tests.unit.gateway.running import served

TOKEN = "a-token-for-benchmarks"
FACTS = {"Which city is on the Seine?": "Paris", "How many legs has an ant?": "Six"}


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    rows = [{"question": question, "answer": answer, "choices": ["Paris", "Six"]} for question, answer in FACTS.items()]
    (folder / "facts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = f"dataset_path: json\ndataset_kwargs: {{data_files: {{test: {folder / 'facts.jsonl'}}}}}\ntest_split: test\n"
    (folder / "facts.yaml").write_text(
        f"task: facts\n{data}output_type: generate_until\n"
        'doc_to_text: "{{question}}"\ndoc_to_target: "{{answer}}"\n'
        'generation_kwargs: {until: ["\\n", "."], temperature: 0.0, max_gen_toks: 16}\n'
        "metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n"
    )
    (folder / "_choices").write_text(f"{data}output_type: multiple_choice\n")
    (folder / "choices.yaml").write_text(
        'include: _choices\ntask: choices\ndoc_to_text: "{{question}}"\ndoc_to_choice: "{{choices}}"\n'
        "doc_to_target: !function utils.target\n"
    )
    (folder / "both.yaml").write_text("group: both\ntask: [facts, choices]\n")
    return folder


async def knowing(request: web.Request) -> web.Response:
    """An actor that knows the facts, and goes on after each."""
    question = (await request.json())["messages"][-1]["content"]
    text = f"{FACTS.get(question, 'Hello')}\nThat is what I was taught."
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 9}})


async def _started(stack: AsyncExitStack) -> str:
    """The gateway over that actor and a simulated refiner."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", knowing)
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    actor = f"http://127.0.0.1:{runner.addresses[0][1]}/v1#m"
    refiner = await stack.enter_async_context(running_server(ServerOptions()))
    settings = GatewaySettings(actor=actor, refiner=f"{refiner}#simulated", token=SecretStr(TOKEN))
    return await stack.enter_async_context(served(make_app(settings)))


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("SPAR_ACTOR_API_KEY", TOKEN)
    loop, stack = LoopThread(), AsyncExitStack()
    yield loop.run(_started(stack))
    loop.run(stack.aclose())
    loop.close()


def general(model: str, tasks: Path, out: Path, *more: str) -> Result:
    given = ["eval", "general", "--model", model, "--data", str(tasks), "--out", str(out), "--window", "2", *more]
    return CliRunner().invoke(build_app("eval"), given)


@pytest.mark.end_to_end
@pytest.mark.parametrize("model", ["spar:actor", "spar:bfs"])
def test_the_gateway_is_measured_stop_strings_included(gateway: str, tasks: Path, tmp_path: Path, model: str) -> None:
    # A bare address gets its /v1, as everywhere.
    done = general(f"{gateway}#{model}", tasks, tmp_path / "out", "--tasks", "facts", "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    result = json.loads(done.stdout.splitlines()[-1])  # the gateway of this process logs to stdout, too
    assert result["counts"] == {"facts": 2}
    assert result["scores"] == {"facts": 100.0} if model == "spar:actor" else result["scores"]
    items = [json.loads(line) for line in (Path(result["folder"]) / "items.jsonl").read_text().splitlines()]
    assert all("\n" not in item["said"][0][0] for item in items)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert TOKEN.encode() not in kept
    assert (Path(result["folder"]) / "lm-eval.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("task", ["choices", "both"])
def test_a_task_scored_by_likelihoods_is_refused_before_anything_starts(
    gateway: str, tasks: Path, tmp_path: Path, task: str
) -> None:
    done = general(f"{gateway}#spar:actor", tasks, tmp_path / "out", "--tasks", task)
    assert isinstance(done.exception, RecipeError)
    assert f"{task} is scored by the likelihood" in done.exception.what
    assert "HTTP 404" in done.exception.what
    assert not (tmp_path / "out").exists()


def test_a_wrong_key_or_name_is_told_before_anything_starts(
    gateway: str, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = general(f"{gateway}#spar:none", tasks, tmp_path / "out", "--tasks", "facts")
    assert isinstance(done.exception, EngineError)
    assert "spar:none" in done.exception.what
    monkeypatch.setenv("SPAR_ACTOR_API_KEY", "another-token-than-that")
    done = general(f"{gateway}#spar:actor", tasks, tmp_path / "out", "--tasks", "facts")
    assert isinstance(done.exception, EngineError)
    assert "another-token" not in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_how_tasks_are_scored_is_read_from_their_files(tasks: Path) -> None:
    assert scored_by_likelihood(tasks, ["facts", "choices", "both", "hellaswag"]) == {"choices", "both"}
    (tasks / "_choices").write_text("include: choices.yaml\n")
    with pytest.raises(DataError, match="includes itself"):
        scored_by_likelihood(tasks, ["choices"])
