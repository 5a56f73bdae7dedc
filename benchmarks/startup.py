"""How long `spar --help` takes, compared to a Python process that does nothing: the best of several starts of each.

    python benchmarks/startup.py [--starts 7] [--limit 1.0]

Exits with 1 if it takes longer than the limit, in seconds.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence


def best(arguments: Sequence[str], starts: int) -> float:
    return min(once(arguments) for _ in range(starts))


def once(arguments: Sequence[str]) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--limit", type=float, default=1.0)
    args = parser.parse_args()
    nothing, help_text = best(["-c", "pass"], args.starts), best(["-m", "spar.cli.main", "--help"], args.starts)
    print(f"spar --help {help_text:.2f} s, Python alone {nothing:.2f} s, ratio {help_text / nothing:.1f}")
    sys.exit(help_text > args.limit)


if __name__ == "__main__":
    main()
