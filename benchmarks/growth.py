"""What grows with the number of prompts: memory of the coordinator and of the selection, time to first dispatch.

    python -m benchmarks.growth [--prompts 1000 10000]

Each measurement runs in a process of its own. `coordinator`: SQLite, a folder, an in-memory broker, and workers that
report at once; seconds from the command to the first message, processor time per shard step, and peak memory.
`selection`: one step over shards with texts as long as an 8B model's; peak memory above that of the process before the
step. The last column is the ratio to the first size.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.data_phase.growing import measure_coordinator, measure_selection

MEASUREMENTS = {"coordinator": measure_coordinator, "selection": measure_selection}


def main() -> None:
    args = _parser().parse_args()
    if args.one:
        print(json.dumps(MEASUREMENTS[args.one](args.prompts[0])))
        return
    found: dict[str, list[dict[str, Any]]] = {}
    for part in args.part:
        found[part] = [_in_a_process(part, prompts) for prompts in args.prompts]
        print(_table(part, found[part]), flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _in_a_process(part: str, prompts: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.growth", "--one", part, "--prompts", str(prompts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _table(part: str, found: list[dict[str, Any]]) -> str:
    lines = [part]
    for figures in found:
        lines.append(f"  {figures['prompts']:,} prompts")
        for name, value in figures.items():
            if name != "prompts":
                ratio = f"{value / found[0][name]:.2f} times" if found[0][name] else ""
                lines.append(f"    {name:<36}{value:>10,.2f}  {ratio}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--part", nargs="+", choices=sorted(MEASUREMENTS), default=sorted(MEASUREMENTS))
    parser.add_argument("--one", choices=sorted(MEASUREMENTS), help="measure in this process and print JSON")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser


if __name__ == "__main__":
    main()
