"""How long reading a finished run takes: its report over the API, first and again, and the commands that read it.

    python -m benchmarks.reading [--prompts 1000] [--home DIR]

A run of one iteration on the simulated engine is made first, or read from `--home`. Over the API: seconds of processor
time of the request that builds the report and the median of those that read it back. Commands: processor time of the
whole process, the best of several, beside that of a Python process that does nothing.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fastapi.testclient import TestClient
from pydantic import SecretStr

from services.api.app import make_app
from services.api.backend import Backend
from services.api.settings import ApiSettings
from spar.db.engine import open_database
from spar.embedded.homes import find_run
from spar.store.directory import DirectoryStore
from spar.store.results import RUN_REPORTS
from spar.testing.broker import RecordingBroker
from tests.end_to_end.simulated import SPAR, write_recipe

TOKEN = "the benchmark's token"
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--home", type=Path, help="a home with a finished run")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spar-reading-") as folder:
        home = args.home or make_run(Path(folder), args.prompts)
        measure_api(home)
        measure_commands(home)


def make_run(folder: Path, prompts: int) -> Path:
    source = {"source": "world:story", "per_iteration": prompts, "shard_size": 16}
    recipe, home = write_recipe(folder, iterations=1, prompts=source), folder / "home"
    subprocess.run([*SPAR, "run", str(recipe), "--dir", str(home)], stdout=subprocess.DEVNULL, check=True)
    return home


def measure_api(home: Path) -> None:
    found = find_run(None, home)
    database, store = open_database(found.home.database_url), DirectoryStore(found.home.store)
    backend = Backend(database, store, RecordingBroker(), ApiSettings(token=SecretStr(TOKEN)))
    with TestClient(make_app(backend), headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        for name in ("report.json", "report.html"):
            path = f"/runs/{found.run_id}/{name}"
            _request(client, path)  # imports and templates are loaded
            first = []
            for _ in range(REPEATS):
                for key in list(store.keys(RUN_REPORTS)):
                    store.remove(key)
                first.append(_request(client, path))
            again = [_request(client, path) for _ in range(REPEATS)]
            built, read = statistics.median(first), statistics.median(again)
            print(f"{name:<14} built {1000 * built:7.0f} ms, read back {1000 * read:5.0f} ms, ratio {built / read:.1f}")
    database.dispose()


def _request(client: TestClient, path: str) -> float:
    began = time.process_time()
    client.get(path).raise_for_status()
    return time.process_time() - began


def measure_commands(home: Path) -> None:
    listed = subprocess.run([*SPAR, "explain", str(home)], capture_output=True, text=True, check=True)
    prompt = next(line.split()[-1] for line in _prompts(listed.stdout))
    nothing = _best([sys.executable, "-c", "pass"])
    print(f"python         {nothing:7.2f} CPU-s")
    for words in (["status"], ["tree", prompt], ["explain", prompt], ["report"]):
        taken = _best([*SPAR, words[0], str(home), *words[1:]])
        print(f"spar {words[0]:<9} {taken:7.2f} CPU-s, {taken / nothing:.0f} times Python alone")


def _prompts(listing: str) -> list[str]:
    """Of `spar explain`'s list: up to the id of each prompt that was searched."""
    return [line.split("  pair")[0] for line in listing.splitlines() if "  pair  " in line]


def _best(command: list[str]) -> float:
    taken = []
    for _ in range(REPEATS):
        before = _children()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        taken.append(_children() - before)
    return min(taken)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
