"""How the search phase scales with refinement workers, on the simulated model server.

Needs a running stack with cpu.yml and simulated.yml, and SPAR_API_TOKEN; scales the refinement service itself. A first
run generates the responses and judgments. The measured runs differ from it only in the search, so everything else is
reused and only the search takes time. All of them grow the same trees: they differ in `search.max_tokens`, which no
reply of the simulated server reaches.

    python benchmarks/scaling.py --replicas 1 3
"""

import argparse
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMPOSE = ["docker", "compose"]
FILES = ["docker-compose.yml", "deploy/compose/cpu.yml", "deploy/compose/simulated.yml"]
POLL_S = 0.25  # between two polls of a run
LONG_TOKENS = 3000


def recipe(prompts: int, search: dict[str, Any]) -> dict[str, Any]:
    """One iteration of the story world's prompts, one prompt per shard, so that work can be distributed evenly."""
    return {
        "name": "scaling",
        "iterations": 1,
        "models": {"actor": "builtin:story/actor", "refiner": "builtin:story/refiner"},
        "prompts": {"source": "world:story", "per_iteration": prompts, "shard_size": 1},
        "engine": {"kind": "openai", "url": "http://simulated:8000/v1"},
        "search": search,
        "training": {"actor": {"kind": "simulated"}, "refiner": {"kind": "simulated"}},
    }


class Api:
    def __init__(self, url: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {os.environ['SPAR_API_TOKEN']}"}

    def request(self, path: str, body: dict[str, Any] | None = None) -> str:
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self._url + path, data, headers), timeout=30) as reply:
            text: str = reply.read().decode()
            return text

    def submit(self, what: dict[str, Any]) -> str:
        run: str = json.loads(self.request("/runs", what))["run_id"]
        return run

    def run(self, run: str) -> dict[str, Any] | None:
        """Its progress; None until the coordinator has taken its command."""
        try:
            progress: dict[str, Any] = json.loads(self.request(f"/runs/{run}"))["progress"]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        return progress

    def trees_by_worker(self) -> dict[str, float]:
        found = re.findall(
            r'^spar_steps_done_total\{kind="refinement",worker="(.+?)"\} (\S+)$', self.request("/metrics"), re.M
        )
        return {worker: float(count) for worker, count in found}


def search_seconds(api: Api, run: str) -> float:
    """From the first search in flight to the last one done; waits until the run has finished."""
    began = ended = 0.0
    while True:
        progress = api.run(run) or {"status": "", "steps": []}
        now = time.monotonic()
        for search in (step for step in progress["steps"] if step["kind"] == "refinement"):
            began = began or now
            if not ended and search["done"] == search["total"]:
                ended = now
        if progress["status"] in ("failed", "cancelled"):
            raise SystemExit(f"run {run} {progress['status']}: {progress['reason']}")
        if progress["status"] == "finished":
            return ended - began
        time.sleep(POLL_S)


def scale(replicas: int) -> None:
    files = [argument for file in FILES for argument in ("-f", file)]
    command = [*COMPOSE, *files, "up", "-d", "--no-recreate", "--wait", "--scale", f"refinement={replicas}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def measure(api: Api, replicas: int, prompts: int) -> dict[str, Any]:
    scale(replicas)
    before = api.trees_by_worker()
    new = int(time.time()) % 10**6  # otherwise the search's results would be reused
    seconds = search_seconds(api, api.submit(recipe(prompts, {"max_tokens": LONG_TOKENS + new})))
    counts = [int(count - before.get(worker, 0)) for worker, count in api.trees_by_worker().items()]
    shares = sorted(count for count in counts if count)
    print(f"{replicas} replicas: {seconds:.1f} s; searches by worker: {shares}", flush=True)
    return {"replicas": replicas, "seconds": round(seconds, 2), "searches_by_worker": shares}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--api", default="http://127.0.0.1:8000")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--prompts", type=int, default=120)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    api = Api(args.api)
    scale(max(args.replicas))
    search_seconds(api, api.submit(recipe(args.prompts, {"policy": "greedy", "depth": 1})))
    measured = [measure(api, replicas, args.prompts) for replicas in args.replicas]
    slowest = max(measured, key=lambda one: one["seconds"])
    for one in measured:
        ratio = slowest["seconds"] / one["seconds"]
        print(f"{one['replicas']} replicas are {ratio:.2f} times as fast as {slowest['replicas']}")
    if args.json:
        args.json.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
