"""Accuracy of `spar plan --pilot`: for three workloads, the forecast of a pilot beside the cost of the whole run.

    python benchmarks/forecast.py [--prompts 192] [--pilot 32] [--limit 0.2]

The server is `spar.testing.server` in a separate process, with the timing of a continuous-batching engine: at most 256
sequences, 20 ms per step plus 0.1 ms per sequence, 0.02 ms of prefill per token. It is slow on purpose, so that its
clock, not this machine, determines how long a run takes. Pilot and run have separate homes, so that the run reuses
nothing. Exits with 1 if calls, tokens or hours deviate by more than the limit.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from spar.testing.process import server_process

PACE = ("--step-base", "0.02", "--step-per-sequence", "0.0001", "--prefill-per-token", "0.00002")
SPAR = [sys.executable, "-m", "spar.cli.main"]
WORKLOADS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    # Short replies and the paper's search.
    "breadth first": ((), {}),
    # Long verdicts, a deeper and narrower search.
    "depth first, long verdicts": (
        ("--verdict-words", "30", "90"),
        {"search": {"policy": "dfs", "beam_width": 1, "depth": 5}, "judgment": {"votes": 3, "quorum": 2}},
    ),
    # Many long responses, one refinement each.
    "many long responses, greedy": (
        ("--response-words", "60", "200"),
        {"search": {"policy": "greedy"}, "generation": {"n": 8}},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=192)
    parser.add_argument("--pilot", type=int, default=32)
    parser.add_argument("--limit", type=float, default=0.2)
    args = parser.parse_args()
    worst = 0.0
    for name, (options, changes) in WORKLOADS.items():
        with tempfile.TemporaryDirectory() as folder, server_process("--any-model", *PACE, *options) as url:
            forecast, actual = measure(Path(folder), url, args.prompts, args.pilot, changes)
        print(name)
        for what, found in actual.items():
            expected = forecast[what]
            error = expected["value"] / found - 1
            inside = "inside" if expected["low"] <= found <= expected["high"] else "outside"
            worst = max(worst, abs(error))
            print(
                f"  {what:<7} forecast {expected['value']:>12,.4g} ({expected['low']:,.4g} to "
                f"{expected['high']:,.4g}), actual {found:>12,.4g}: {100 * error:+.1f}%, {inside} the interval"
            )
    print(f"largest error: {100 * worst:.1f}%")
    sys.exit(worst > args.limit)


def measure(
    folder: Path, url: str, prompts: int, pilot: int, changes: dict[str, Any]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Calls, tokens and hours: the pilot's forecast, and the run's actual cost; hours on the server's clock."""
    recipe = write_recipe(folder, url, prompts, changes)
    forecast = json.loads(_spar("plan", recipe, "--pilot", str(pilot), "--dir", folder / "pilot", "--json"))["total"]
    before = stats(url)
    _spar("run", recipe, "--dir", folder / "run")
    busy = stats(url)["busy_s"] - before["busy_s"]
    spent = {
        each["name"]: each["spent"] for each in json.loads(_spar("status", "--dir", folder / "run", "--json"))["burn"]
    }
    return (
        {name: forecast[name] for name in ("calls", "tokens", "hours")},
        {"calls": spent["calls"], "tokens": spent["tokens"], "hours": busy / 3600},
    )


def write_recipe(folder: Path, url: str, prompts: int, changes: dict[str, Any]) -> Path:
    models = {}
    for role in ("actor", "refiner"):
        model = folder / "models" / role
        model.mkdir(parents=True)
        (model / "config.json").write_text("{}")
        (model / "model.safetensors").write_bytes(role.encode())
        models[role] = str(model)
    recipe = {
        "name": "forecast",
        "iterations": 2,
        "models": models,
        "prompts": {"source": "world:story", "per_iteration": prompts, "shard_size": 16},
        "engine": {"kind": "openai", "url": url, "max_batch": 256},
        "training": {"actor": {"kind": "simulated"}, "refiner": {"kind": "simulated"}},
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


def stats(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/stats", timeout=10) as reply:
        found: dict[str, float] = json.load(reply)
        return found


def _spar(*arguments: str | Path) -> str:
    done = subprocess.run([*SPAR, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"spar {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
