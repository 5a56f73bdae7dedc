"""What the orchestration itself costs: the whole stack on real Redis, PostgreSQL and S3 over HTTP, with free models.

    python -m benchmarks.overhead [--prompts 1000] [--shard-size 16] [--replicas 1]

Every service runs in its own process, the engine is the simulated one without latency, and everything is on loopback.
After a small warm-up run, one iteration is run to completion. Prints model calls per second, processor seconds per
1,000 calls by process, and the coordinator's SQL statements per shard step (from PostgreSQL's pg_stat_statements,
without BEGIN, COMMIT and the like). Fails after five minutes. S3 is moto, a test double, so its share says nothing
about a real object store.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlmodel import Session, select

from benchmarks.processor_time import cpu_seconds
from spar.db.tables import Event, Run, Spending, Step
from spar.messages.base import SHARD_KINDS
from spar.messages.event_names import EventName
from spar.messages.states import RunStatus
from tests import servers
from tests.end_to_end.simulated import write_recipe
from tests.integration.stack import Stack, stack

LIMIT_S = 300.0
POLL_S = 1.0
WARM_UP = 64
SERVICES = ("coordinator", "generation", "judgment", "training")
UTILITY = ("BEGIN", "COMMIT", "ROLLBACK", "SET", "SHOW", "SAVEPOINT", "RELEASE")


def main() -> None:
    args = _parser().parse_args()
    found = measure(args)
    print(_table(found, args.statements))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.exit(bool(found["errors"]))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="spar-overhead-")))
        redis, postgres, s3 = (
            held.enter_context(server())
            for server in (servers.redis_server, servers.postgres_server, servers.s3_server)
        )
        _count_statements(postgres)
        system = held.enter_context(stack(folder, redis.url, postgres.url, s3))
        system.environment |= {"SPAR_HEARTBEAT_S": "5", "SPAR_LEASE_S": "60", "SPAR_LOST_S": "30"}
        system.start(*SERVICES, *(f"refinement.{number}" for number in range(1, args.replicas + 1)))
        processes = {name: process.pid for name, process in system.processes.items()}
        processes |= {"redis": redis.pid, "postgres": _pid(postgres.child), "s3 (moto)": _pid(s3.child)}
        _run(system, folder / "warm", WARM_UP, args.shard_size, seed=1)
        return _measured(system, processes, postgres, folder / "measured", args)


def _measured(
    system: Stack, processes: dict[str, int], postgres: servers.PostgresServer, folder: Path, args: argparse.Namespace
) -> dict[str, Any]:
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SELECT pg_stat_statements_reset()")
        before = {name: cpu_seconds(pid) for name, pid in processes.items()}
        run = _run(system, folder, args.prompts, args.shard_size, seed=2)
        cpu = {name: cpu_seconds(pid) - before[name] for name, pid in processes.items()}
        statements = _statements(connection)
    return {
        "calls": run.calls,
        "seconds": run.seconds,
        "steps": run.steps,
        "cpu_s": cpu,
        "statements": statements,
        "errors": run.errors,
        "load": os.getloadavg()[0],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    calls: int
    steps: int
    seconds: float
    errors: dict[str, int]


def _run(system: Stack, folder: Path, prompts: int, shard_size: int, seed: int) -> _Run:
    source = {"source": "world:story", "per_iteration": prompts, "shard_size": shard_size}
    recipe = write_recipe(folder, name=folder.name, seed=seed, iterations=1, prompts=source)
    began = time.monotonic()
    run_id = system.submit(recipe)
    deadline = began + LIMIT_S
    while (progress := system.progress(run_id)) is None or not progress.status.ended:
        if time.monotonic() > deadline:
            sys.exit(f"the run did not finish within {LIMIT_S:g} s: {progress}")
        for name, process in system.processes.items():
            if process.poll() is not None:
                sys.exit(f"{name} exited:\n{system.log(name)}")
        time.sleep(POLL_S)
    with Session(system.database) as session:
        run = session.get_one(Run, run_id)
        assert run.started_at is not None, "a finished run has started"
        assert run.finished_at is not None, "a finished run has an end"
        calls = sum(row.calls for row in session.exec(select(Spending).where(Spending.run_id == run_id)))
        steps = session.exec(select(Step).where(Step.run_id == run_id)).all()
        failures = session.exec(
            select(Event).where(Event.run_id == run_id, Event.name == EventName.ATTEMPT_FAILED.value)
        ).all()
    errors = {"failed attempts": len(failures), "runs not finished": int(progress.status is not RunStatus.FINISHED)}
    return _Run(
        calls=calls,
        steps=sum(step.kind in SHARD_KINDS for step in steps),
        seconds=(run.finished_at - run.started_at).total_seconds(),
        errors={what: number for what, number in errors.items() if number},
    )


def _count_statements(postgres: servers.PostgresServer) -> None:
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    postgres.restart()
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")


def _statements(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """How often each was executed, including this benchmark's own polling, once a second."""
    rows = connection.execute("SELECT query, sum(calls) FROM pg_stat_statements GROUP BY query ORDER BY 2 DESC")
    return {" ".join(query.split()): int(calls) for query, calls in rows if not query.upper().startswith(UTILITY)}


def _pid(child: servers.Child) -> int:
    assert child.process is not None, "the server is running"
    return child.process.pid


def _table(found: dict[str, Any], shown: int) -> str:
    thousands = found["calls"] / 1000
    lines = [
        f"{found['calls']:,} calls in {found['seconds']:.1f} s: {found['calls'] / found['seconds']:,.0f} per second; "
        f"load average {found['load']:.1f}"
    ]
    if found["errors"]:
        return "\n".join([f"no figures, because of {found['errors']}", *lines])
    cpu: dict[str, float] = found["cpu_s"]
    lines += [f"  {name:<14}{seconds / thousands:6.3f} CPU-s per 1,000 calls" for name, seconds in cpu.items()]
    lines.append(f"  {'total':<14}{sum(cpu.values()) / thousands:6.3f} CPU-s per 1,000 calls")
    total = sum(found["statements"].values())
    lines.append(
        f"{found['steps']} shard steps: {1000 * cpu['coordinator'] / found['steps']:.1f} ms of coordinator time and "
        f"{total / found['steps']:.1f} SQL statements each"
    )
    for query, calls in list(found["statements"].items())[:shown]:
        lines.append(f"  {calls / found['steps']:6.2f}  {query[:150]}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--prompts", type=int, default=1000)
    add("--shard-size", type=int, default=16)
    add("--replicas", type=int, default=1, help="refinement workers")
    add("--statements", type=int, default=0, help="print so many of the most frequent statements")
    add("--json", type=Path, help="write the figures to this file")
    return parser


if __name__ == "__main__":
    main()
