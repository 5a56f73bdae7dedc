"""`spar serve` as a user starts it, over two simulated servers, with requests as curl sends them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from spar.testing.process import INSTANT, server_process

pytestmark = pytest.mark.end_to_end
TOKEN = "a token that tests use"


@contextmanager
def spar_serve(*options: str, **environment: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPAR_")}
    command = [sys.executable, "-m", "spar.cli.main", "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**kept, **environment}
    )
    with process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1], process
        finally:
            process.terminate()


def curl(url: str, token: str, body: dict[str, Any]) -> str:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed")
    headers = ["-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"]
    command = [program, "-sN", f"{url}/v1/chat/completions", *headers, "-d", json.dumps(body)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[str, str]]:
    with ExitStack() as stack:
        yield (
            stack.enter_context(server_process(*INSTANT)),
            stack.enter_context(server_process(*INSTANT, "--model", "judge")),
        )


def test_two_servers_become_one_that_searches(servers: tuple[str, str]) -> None:
    actor, refiner = servers
    request = {"model": "spar:bfs", "messages": [{"role": "user", "content": "Write of a river."}], "seed": 2}
    given = ("--actor", f"{actor}#simulated", "--refiner", f"{refiner}#judge", "--token", TOKEN)
    with spar_serve(*given) as (url, process):
        whole = json.loads(curl(url, TOKEN, request))
        streamed = curl(url, TOKEN, {**request, "stream": True})
        refused = json.loads(curl(url, "wrong", request))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130, -signal.SIGINT)
    assert whole["object"] == "chat.completion"
    assert whole["spar"]["ending"] in ("accepted", "solved", "unsolved")
    lines = streamed.splitlines()
    assert lines[0] == ": the actor has responded"
    assert [line for line in lines if line][-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    text = "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])
    assert text == whole["choices"][0]["message"]["content"]
    assert refused["error"]["code"] == "invalid_api_key"


def test_without_a_token_one_is_generated_and_printed(servers: tuple[str, str]) -> None:
    actor, refiner = servers
    settings = {"SPAR_GATEWAY_ACTOR": actor, "SPAR_GATEWAY_REFINER": refiner}
    with spar_serve(**settings) as (url, process):
        process.send_signal(signal.SIGTERM)
        _, output = process.communicate(timeout=30)
    assert url.startswith("http://127.0.0.1:")
    assert re.search(r"clients must send this one as api_key: [0-9a-f]{32}$", output, re.MULTILINE)


def test_without_a_refiner_it_says_what_is_missing() -> None:
    command = [sys.executable, "-m", "spar.cli.main", "serve", "--actor", "http://127.0.0.1:1/v1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no refiner" in done.stderr
    assert "--refiner (or SPAR_GATEWAY_REFINER)" in done.stderr
