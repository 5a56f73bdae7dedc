"""How well `spar refine` keeps a server busy: its time as a ratio to that of the same tokens at full occupancy.

    python benchmarks/refine.py [--negatives 200] [--limit 1.25]

The server is `spar.testing.server` in a separate process: at most 256 sequences, 8 ms per decoding step plus 0.03 ms
per sequence, 0.01 ms of prefill per token. It counts what it decodes, so the denominator follows from its cost model;
the numerator is the wall-clock time of the whole command. Exits with 1 if the ratio exceeds the limit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from spar.testing.process import server_process

LENGTHS = ("--response-words", "40", "160", "--verdict-words", "30", "90", "--reflection-words", "20", "60")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--negatives", type=int, default=200)
    parser.add_argument("--limit", type=float, default=1.25)
    parser.add_argument("options", nargs="*", help="passed on to spar refine, after --")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        took, stats = measure(Path(folder), args.negatives, args.options)
    ratio = took / stats["always_full_s"]
    print(
        f"{args.negatives} negatives, {stats['requests']} requests, {stats['sequences']} replies, "
        f"{stats['sequence_steps']} tokens decoded\n"
        f"took {took:.1f} s, at full occupancy {stats['always_full_s']:.1f} s, ratio {ratio:.3f}; mean occupancy "
        f"{stats['mean_occupancy']:.0f} of 256, load average {os.getloadavg()[0]:.1f}"
    )
    sys.exit(ratio > args.limit)


def measure(folder: Path, number: int, options: list[str]) -> tuple[float, dict[str, Any]]:
    """Seconds of the whole command, and the server's counters."""
    source = folder / "negatives.jsonl"
    rows = [{"prompt": f"Begin text {i} with river.", "response": "moon table " * 30} for i in range(number)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with server_process(*LENGTHS) as url:
        took = _refine(source, url, folder / "out.jsonl", options)
        with urllib.request.urlopen(f"{url.removesuffix('/v1')}/stats", timeout=10) as reply:
            return took, json.load(reply)


def _refine(source: Path, url: str, out: Path, options: list[str]) -> float:
    command = [sys.executable, "-m", "spar.cli.main", "refine", str(source), "--engine", url, "--out", str(out)]
    begun = time.monotonic()
    subprocess.run([*command, *options], check=True)
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
