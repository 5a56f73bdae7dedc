"""Runs every recipe of the paper's tables on the story world from the same start, and prints one table.

    python benchmarks/recipes/run.py [--seeds 0 1 2] [--recipes demo self ...] [--dir runs/recipes] [--set KEY=VALUE]

All start from `builtin:story/one`, the one model that has every skill. Two runs execute concurrently, single-threaded.
Recipes that judge the same responses by the same votes share a home, and with it their common results. After an
interruption, the same command resumes. Writes recipes.md and recipes.json beside the runs.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from spar.recipes.load import load_recipe
from spar.submission.prepare import run_id_of

MODEL = "builtin:story/one"
VERDICTS = ("demo", "no_tree_search", "no_refinement", "best_of_n_dpo", "no_iteration")
OTHERS = ("self_rewarding", "meta_rewarding", "self", "humpback", "autoif")
"""Their responses or judgments differ, so nothing could be shared: each has a home of its own."""
NAMES = {"demo": "spar"}
SPAR = [sys.executable, "-m", "spar.cli.main"]
CONCURRENT_RUNS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--recipes", nargs="+", choices=[*VERDICTS, *OTHERS], default=[*VERDICTS, *OTHERS])
    parser.add_argument("--dir", type=Path, default=Path("runs/recipes"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for every recipe")
    args = parser.parse_args()
    lanes: SimpleQueue[list[tuple[str, int]]] = SimpleQueue()
    for seed in args.seeds:
        for lane in (VERDICTS, *((name,) for name in OTHERS)):
            lanes.put([(name, seed) for name in lane if name in args.recipes])
    failed = run_all(lanes, args.dir, args.set)
    for name, seed in failed:
        print(f"{name} with seed {seed} failed: see {args.dir / f'{name}-{seed}.log'}")
    done = [(name, seed) for name in args.recipes for seed in args.seeds if (name, seed) not in failed]
    if done:
        report(done, args.dir, args.set)
    sys.exit(bool(failed))


def home_of(name: str, seed: int, folder: Path) -> Path:
    return folder / f"{'verdicts' if name in VERDICTS else name}-{seed}"


def options(name: str, seed: int, given: Sequence[str]) -> list[str]:
    """The recipe's settings here: its initial models, its seed, and the overrides for all."""
    backward = [f"models.backward={MODEL}"] if name == "humpback" else []
    return [f"models.actor={MODEL}", f"models.refiner={MODEL}", *backward, f"seed={seed}", *given]


def run_all(lanes: "SimpleQueue[list[tuple[str, int]]]", folder: Path, given: Sequence[str]) -> list[tuple[str, int]]:
    """Process CONCURRENT_RUNS lanes at a time, each from first to last; returns the runs that failed."""
    failed: list[tuple[str, int]] = []

    def work() -> None:
        while True:
            try:
                lane = lanes.get_nowait()
            except Empty:
                return
            failed.extend(each for each in lane if not run(*each, folder, given))

    workers = [threading.Thread(target=work) for _ in range(CONCURRENT_RUNS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return failed


def run(name: str, seed: int, folder: Path, given: Sequence[str]) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    command = [*SPAR, "run", name, "--dir", str(home_of(name, seed, folder))]
    for option in options(name, seed, given):
        command += ["--set", option]
    with (folder / f"{name}-{seed}.log").open("w") as log:
        ended = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=single_threaded(), check=False)
    print(f"{name}, seed {seed}: {'done' if ended.returncode == 0 else 'failed'}", flush=True)
    return ended.returncode == 0


def single_threaded() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def report(done: Sequence[tuple[str, int]], folder: Path, given: Sequence[str]) -> None:
    """`spar compare` over all runs, as one table and as JSON."""
    named = []
    for name, seed in done:
        run_id = run_id_of(load_recipe(name, options(name, seed, given)))
        named.append(f"{home_of(name, seed, folder)}:{run_id}")
    page = ["--html", str(folder / "comparison.html")]
    compared = subprocess.run([*SPAR, "compare", *named, *page, "--json"], capture_output=True, text=True, check=True)
    found = json.loads(compared.stdout)
    (folder / "recipes.json").write_text(compared.stdout, encoding="utf-8")
    table = as_table(found["groups"])
    (folder / "recipes.md").write_text(table, encoding="utf-8")
    print(f"\n{table}")
    for note in found["notes"]:
        print(note)


def as_table(groups: Sequence[dict[str, Any]]) -> str:
    """Rows, calls and minutes are totals over all seeds; differences are from the first recipe, at T=0.9."""
    head = "| recipe | seeds | start | end | gain | at T=0.9 | vs first | rows | right | calls | computed | minutes |"
    rule = f"|{'---|' * (head.count('|') - 1)}"
    return "\n".join([head, rule, *(as_row(group) for group in groups)]) + "\n"


def as_row(group: dict[str, Any]) -> str:
    measures = {measure["measure"]: measure for measure in group["measures"]}
    greedy, sampled, work = measures["actor.accuracy"], measures["actor.accuracy_sampled"], group["work"]
    right = "–" if group["pair_precision"] is None else f"{group['pair_precision']:.1%}"
    cells = [
        NAMES.get(group["recipe"], group["recipe"]),
        str(len(group["runs"])),
        f"{greedy['start']:.1%}",
        f"{greedy['end']['value']:.1%}",
        points(greedy["gain"]),
        points(sampled["gain"]),
        "–" if sampled["difference"] is None else points(sampled["difference"]),
        f"{group['pairs']:,}",
        right,
        f"{work['own_calls'] + work['reused_calls']:,}",
        f"{work['own_calls']:,}",
        f"{work['seconds'] / 60:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def points(gain: dict[str, float]) -> str:
    return f"{gain['value']:+.1f} [{gain['low']:+.1f}, {gain['high']:+.1f}]"


if __name__ == "__main__":
    main()
