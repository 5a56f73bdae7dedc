"""No credential is written anywhere: one is planted in every setting that accepts one, and all output is searched.

The servers here are the worst of their kind: they repeat the headers of a request in their errors.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web

from spar.runtime.loop import LoopThread
from tests.integration.stack import module_of

pytestmark = pytest.mark.end_to_end

PLANTED = {
    "SPAR_ENGINE_API_KEY": "planted-engine-key-01",
    "SPAR_ACTOR_API_KEY": "planted-actor-key-02",
    "SPAR_REFINER_API_KEY": "planted-refiner-key-03",
    "SPAR_JUDGE_API_KEY": "planted-judge-key-04",
    "SPAR_API_TOKEN": "planted-api-token-05",
    "SPAR_GATEWAY_TOKEN": "planted-gateway-token-06",
    "SPAR_BROKER_URL": "redis://:planted-broker-07@127.0.0.1:1/0",
    "SPAR_DATABASE_URL": "postgresql+psycopg://spar:planted-database-08@127.0.0.1:1/spar",
    "SPAR_S3_ENDPOINT": "127.0.0.1:1",
    "SPAR_S3_ACCESS_KEY": "planted-s3-id-09",
    "SPAR_S3_SECRET_KEY": "planted-s3-secret-10",
    "HF_TOKEN": "hf_planted_hub_11",
    "OPENAI_API_KEY": "planted-openai-key-12",
    "MY_GATEWAY_HEADER": "planted-header-13",
}
"""Each value contains the marker `planted`, and nothing else written here does."""
MARK = re.compile(rb"planted[-_][a-z0-9_-]+")


def _echo(request: web.Request) -> dict[str, object]:
    message = f"Not accepted: {dict(request.headers)}"
    return {"error": {"message": message, "type": "invalid_request_error", "code": "invalid_api_key"}}


async def refuse(request: web.Request) -> web.Response:
    return web.json_response(_echo(request), status=401)


async def list_models(request: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": "m", "object": "model"}]})


async def only_greet(request: web.Request) -> web.Response:
    """Replies to requests without a stop string, such as the first of `spar eval general`; refuses the rest."""
    if (await request.json()).get("stop"):
        return web.json_response(_echo(request), status=400)
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    app = web.Application()
    app.router.add_get("/{kind}/v1/models", list_models)
    app.router.add_post("/greets/v1/chat/completions", only_greet)
    app.router.add_route("*", "/{rest:.*}", refuse)
    loop = LoopThread()
    runner = web.AppRunner(app)
    loop.run(runner.setup())
    loop.run(web.TCPSite(runner, "127.0.0.1", 0).start())
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    loop.run(runner.cleanup())
    loop.close()


class Workplace:
    """A folder in which commands run; their output is stored in it, beside the files they write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs = 0

    def run(self, *arguments: object, without: tuple[str, ...] = (), **more: str) -> int:
        environment = {**os.environ, **PLANTED, "HOME": str(self.folder), "HF_HOME": str(self.folder / "hf"), **more}
        for name in without:
            environment.pop(name, None)
        self._runs += 1
        with (self.folder / f"printed-{self._runs}").open("wb") as printed:
            printed.write(f"{arguments}\n".encode())
            printed.flush()
            command = [sys.executable, "-m", *(str(argument) for argument in arguments)]
            return subprocess.run(
                command, stdout=printed, stderr=subprocess.STDOUT, cwd=self.folder, env=environment, check=False
            ).returncode

    def spar(self, *arguments: object, without: tuple[str, ...] = (), **more: str) -> int:
        return self.run("spar.cli.main", *arguments, without=without, **more)

    def printed(self) -> str:
        return (self.folder / f"printed-{self._runs}").read_text(errors="replace")

    def found(self) -> dict[str, set[str]]:
        """The planted values found, by file."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        hits = ((path, {hit.decode() for hit in MARK.findall(path.read_bytes())}) for path in files)
        return {str(path.relative_to(self.folder)): values for path, values in hits if values}


@pytest.fixture
def at(tmp_path: Path) -> Workplace:
    rows = [{"prompt": f"Write of river {number}.", "response": "It is long."} for number in range(1, 7)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Workplace(tmp_path)


def settings(url: str, name: str, **more: object) -> list[str]:
    given: Mapping[str, object] = {
        "models.actor": f"served:{name}",
        "models.refiner": f"served:{name}",
        "engine.url": url,
        "prompts.source": "rows.jsonl",
        "prompts.per_iteration": 6,
        "prompts.shard_size": 3,
        **more,
    }
    return [part for key, value in given.items() for part in ("--set", f"{key}={value}")]


def test_the_search_finds_what_is_written(at: Workplace) -> None:
    at.run("this.module.is.not.there", PLANTED["HF_TOKEN"])
    assert at.found() == {"printed-1": {"planted_hub_11"}}


def test_commands_that_fail_write_no_credential(at: Workplace, hostile: str) -> None:
    rows = at.folder / "rows.jsonl"
    assert at.spar("doctor") == 1
    assert "unreachable" in at.printed()
    assert at.spar("status", "--api", "http://127.0.0.1:1") != 0
    assert at.spar("status", "--api", f"{hostile}/api") != 0
    assert at.spar("refine", rows, "--engine", f"{hostile}/v1", "--model", "m", "--out", "refined.jsonl") != 0
    assert "[redacted]" in at.printed()
    assert at.spar("refine", rows, "--engine", "http://127.0.0.1:1/v1", "--model", "m", "--out", "r.jsonl") != 0
    broken = "planted-broken-14\nand-more"
    for where in ("SPAR_ENGINE_API_KEY", "SPAR_API_TOKEN"):
        arguments = ["refine", rows, "--engine", f"{hostile}/v1", "--model", "m", "--out", "b.jsonl"]
        command = arguments if "ENGINE" in where else ["status", "--api", hostile]
        assert at.spar(*command, **{where: broken}) == 2, at.printed()
    with_password = "http://me:planted-in-url-15@127.0.0.1:1/v1"
    (at.folder / "with-password.yaml").write_text("extends: endpoint\nengine: {url: 'http://me:pass@127.0.0.1:1/v1'}\n")
    for given in (["--set", f"engine.url={with_password}"],):
        assert at.spar("run", "endpoint", *settings("http://x/v1", "m"), *given, "--dir", "refused") == 2
    assert "SPAR_ENGINE_API_KEY" in at.printed()
    (at.folder / "printed-8").write_text(at.printed().partition("\n")[2])  # the command line is the user's own
    assert at.found() == {}


def test_a_run_writes_no_credential(at: Workplace, hostile: str, instant: str) -> None:
    headers = ["--set", "engine.headers.X-Team-Key=${MY_GATEWAY_HEADER}"]
    failed = settings(f"{hostile}/v1", "m")
    assert at.spar("run", "endpoint", *failed, *headers, "--dir", "failed") != 0
    assert at.spar("run", "endpoint", *settings(instant, "simulated"), *headers, "--dir", "done") == 0, at.printed()
    for home in ("failed", "done"):
        for command in (["status"], ["report"], ["explain", "1"], ["export", home, "--out", f"{home}-out"]):
            named = command if home in command else [*command, "--dir", home]
            at.spar(*named, without=("SPAR_API_TOKEN",))
    assert list((at.folder / "done").rglob("report.json"))
    assert list((at.folder / "done").rglob("spar.db"))
    assert at.spar("push", "done", "me/data", "--yes", "--endpoint", hostile) != 0
    assert at.found() == {}


def test_services_that_cannot_start_write_no_credential(at: Workplace) -> None:
    for service in ("coordinator", "generation", "training", "api"):
        assert at.run(*module_of(service)) == 3, at.printed()
    assert at.run("services.gateway.worker", SPAR_GATEWAY_ACTOR="http://me:pass-of-a-url@h/v1") == 2
    assert at.run("services.coordinator.worker", SPAR_STORE_DIR=str(at.folder / "store")) == 3, at.printed()
    strange = {"SPAR_DATABASE_URL": "postgresql+psycopg://spar:planted/with@slash-16@127.0.0.1:1/spar"}
    at.run("services.coordinator.worker", SPAR_STORE_DIR=str(at.folder / "store"), **strange)
    assert at.found() == {}


def test_lm_evals_log_holds_no_credential(at: Workplace, hostile: str) -> None:
    tasks = at.folder / "tasks"
    tasks.mkdir()
    (tasks / "rows.jsonl").write_text('{"question": "Which?", "answer": "This"}\n')
    (tasks / "ours.yaml").write_text(
        f"task: ours\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {tasks / 'rows.jsonl'}}}}}\n"
        'test_split: test\noutput_type: generate_until\ndoc_to_text: "{{question}}"\ndoc_to_target: "{{answer}}"\n'
        'generation_kwargs: {until: ["\\n"]}\nmetric_list: [{metric: exact_match}]\n'
    )
    arguments = ["--model", f"{hostile}/greets/v1#m", "--tasks", "ours", "--data", tasks, "--out", "measured"]
    assert at.spar("eval", "general", *arguments) == 3, at.printed()
    [log] = at.folder.rglob("lm-eval.log")
    assert "[redacted]" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert at.found() == {}
