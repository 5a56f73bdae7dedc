"""A `vllm` command without vLLM: `serve MODEL --port ...` starts the simulated server under the names it is given.

    python tests/fake_vllm.py [--journal FILE] [--fail N] [--never-ready] [--slow SECONDS] serve MODEL ...

The journal gets a line of JSON per start (pid, arguments, visible devices). The first N starts fail as a full GPU
does. Takes the arguments of the real one that the engine uses, and refuses others as argparse does.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4


def main() -> None:
    args = _parser().parse_args()
    starts = _journal(args) if args.journal else 1
    print(f"INFO loading {args.model}", flush=True)
    if starts <= args.fail:
        sys.exit("torch.OutOfMemoryError: CUDA out of memory")
    asyncio.run(_serve(args))


async def _serve(args: argparse.Namespace) -> None:
    """Imports are here so that the first output comes early."""
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    if args.never_ready:
        print("INFO compiling for ever", flush=True)
        await stopped.wait()
        return
    from spar.testing.batching import CostModel
    from spar.testing.behaviour import SimulatedBehaviour
    from spar.testing.server import ServerOptions, running_server

    base, *_ = args.served_model_name
    adapters = {module.partition("=")[0]: base for module in args.lora_modules}
    costs = CostModel(step_base=args.slow, step_per_sequence=0.0)
    options = ServerOptions(
        tuple(args.served_model_name),
        costs,
        SimulatedBehaviour(cut_off=0.0),
        max_model_len=args.max_model_len,
        adapters=adapters,
    )
    async with running_server(options, args.host, args.port):
        await stopped.wait()


def _journal(args: argparse.Namespace) -> int:
    """Record this start; returns the number of starts so far."""
    # As vLLM does: a socket with a new name that is never removed.
    left = Path(os.environ["VLLM_RPC_BASE_PATH"], str(uuid4()))
    left.touch()
    line = {"pid": os.getpid(), "devices": os.environ.get("CUDA_VISIBLE_DEVICES"), "left": str(left), **vars(args)}
    with Path(args.journal).open("a+") as journal:
        journal.write(json.dumps(line) + "\n")
        journal.flush()
        journal.seek(0)
        return len(journal.readlines())


def starts(journal: Path) -> list[dict[str, Any]]:
    """The entries of a journal: one per start."""
    return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []


def fake_vllm(journal: Path | None = None, *options: str) -> Sequence[str]:
    """The command that stands in for `vllm`."""
    where = [] if journal is None else ["--journal", str(journal)]
    return (sys.executable, str(Path(__file__).resolve()), *where, *options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vllm")
    parser.add_argument("--journal")
    parser.add_argument("--fail", type=int, default=0)
    parser.add_argument("--never-ready", action="store_true")
    parser.add_argument("--slow", type=float, default=0.0005)
    serve = parser.add_subparsers(required=True).add_parser("serve")
    add = serve.add_argument
    add("model")
    add("--served-model-name", nargs="+", required=True)
    add("--lora-modules", nargs="*", default=[])
    for flag in ("enable-prefix-caching", "enable-lora", "disable-uvicorn-access-log"):
        add(f"--{flag}", action="store_true")
    for number in ("port", "max-num-seqs", "max-loras", "max-lora-rank", "tensor-parallel-size", "max-model-len"):
        add(f"--{number}", type=int)
    add("--gpu-memory-utilization", type=float)
    for text in ("host", "dtype", "generation-config", "quantization"):
        add(f"--{text}")
    return parser


if __name__ == "__main__":
    main()
