"""`python -m tests.faults`: every kind of fault, then the soak test, as a table. Exit code 1 if a trial failed."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults import soak, table
from tests.faults.evidence import Evidence
from tests.faults.kinds import KINDS
from tests.faults.stack import FaultStack, fault_stack
from tests.faults.trial import Kind, Row, attempt, undisturbed


def main() -> int:
    args = _arguments()
    signal.signal(signal.SIGTERM, _leave)
    wanted = [kind for kind in KINDS if not args.only or any(part in kind.name for part in args.only)]
    if not wanted:
        print("error: no kind has such a name.\nfix: See `python -m tests.faults --list`.", file=sys.stderr)
        return 2
    if args.list:
        print("\n".join(kind.name for kind in wanted))
        return 0
    with tempfile.TemporaryDirectory(prefix="spar-faults-") as place:
        folder = Path(place)
        with fault_stack(folder) as stack:
            stack.iterations = args.iterations
            reference = undisturbed(stack, folder / "recipes")
            rows = [] if args.soak_only else _each(stack, wanted, folder, reference, args)
            if args.strikes:
                rows += soak.soak(stack, folder / "recipes", reference, args.seed, args.strikes, args.minutes)
    table.write(rows, args.out, "faults")
    print(table.markdown(rows))
    return 1 if any(row.wrong for row in rows) else 0


def _each(
    stack: FaultStack, kinds: list[Kind], folder: Path, reference: Evidence, args: argparse.Namespace
) -> list[Row]:
    rows = []
    for kind in kinds:
        for number in range(args.tries):
            row = attempt(stack, kind, folder / "recipes", reference, number)
            rows.append(row)
            table.write(rows, args.out, "faults")
            print(f"{kind.name}: {row.line}", flush=True)
            if row.wrong:
                _keep_logs(stack, args.out / "logs" / f"{kind.slug}-{number}")
    return rows


def _leave(*_: object) -> None:
    """On SIGTERM, stop everything that was started, as Ctrl-C does."""
    sys.exit(128 + signal.SIGTERM)


def _keep_logs(stack: FaultStack, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for log in stack.base.folder.glob("*.log"):
        (folder / log.name).write_bytes(log.read_bytes()[-200_000:])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="PART", help="kinds whose name has one of these parts")
    parser.add_argument("--list", action="store_true", help="name the kinds, and try none")
    parser.add_argument("--tries", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=2, help="of each run; 1 on a machine that is short of time")
    parser.add_argument("--strikes", type=int, default=0, help="random strikes of the soak; 0: none")
    parser.add_argument("--soak-only", action="store_true")
    parser.add_argument("--minutes", type=float, default=30.0, help="at most, for the soak")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/faults"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
