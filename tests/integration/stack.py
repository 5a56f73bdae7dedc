"""The system as separate processes on real Redis, PostgreSQL and S3: started, watched, killed by pid."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session

from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.db.progress import RunProgress, read_progress
from spar.messages.states import RunStatus
from spar.recipes.load import load_recipe
from spar.runtime.app import WORKER_QUEUES
from spar.store.s3 import S3Store
from spar.submission.prepare import prepare, submit
from tests.servers import S3Server, dying_with_us

SERVICES = ("coordinator", "generation", "judgment", "refinement", "training", "evaluation")
PATIENCE_S = 150.0
ROOT = Path(__file__).parents[2]


@dataclass
class Stack:
    """Processes by name; their output goes to files in `folder`."""

    folder: Path
    environment: dict[str, str]
    database: Engine
    store: S3Store
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Start services; `refinement.2` is a second refinement worker."""
        for name in names:
            service = name.split(".")[0]
            environment = {**os.environ, **self.environment, "SPAR_WORKER_NAME": name}
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    dying_with_us([sys.executable, "-m", *module_of(service)]),
                    cwd=ROOT,
                    env=environment,
                    stdout=log,
                    stderr=log,
                )

    def kill(self, name: str, sign: signal.Signals = signal.SIGKILL) -> int:
        process = self.processes.pop(name)
        process.send_signal(sign)
        return process.wait(timeout=60)

    def submit(self, recipe: Path) -> str:
        submission = prepare(load_recipe(str(recipe)), self.store).submission
        submit(submission, self.database)
        return submission.run_id

    def progress(self, run_id: str) -> RunProgress | None:
        with Session(self.database) as session:
            return read_progress(session, run_id)

    def wait(self, run_id: str) -> RunProgress:
        """Wait until the run has ended."""
        return self.wait_for(run_id, lambda run: run.status in (RunStatus.FINISHED, RunStatus.FAILED))

    def wait_for(self, run_id: str, seen: Callable[[RunProgress], bool]) -> RunProgress:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            progress = self.progress(run_id)
            if progress is not None and seen(progress):
                return progress
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} ended:\n{self.log(name)}"
            assert time.monotonic() < deadline, f"{progress}\n{self.log('coordinator')}"
            time.sleep(0.05)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()[-3000:]


@contextmanager
def stack(folder: Path, redis_url: str, postgres_url: str, s3_server: S3Server) -> Iterator[Stack]:
    """A stack in which nothing is running yet; processes started later are killed at the end."""
    store = s3_server.store()
    store.ensure_bucket()
    environment = {
        "SPAR_BROKER_URL": redis_url,
        "SPAR_DATABASE_URL": postgres_url,
        "SPAR_S3_ENDPOINT": s3_server.endpoint,
        "SPAR_S3_ACCESS_KEY": s3_server.access_key,
        "SPAR_S3_SECRET_KEY": s3_server.secret_key,
        "SPAR_S3_BUCKET": s3_server.bucket,
        "SPAR_WORK_DIR": str(folder / "work"),
        "SPAR_POLLING_INTERVAL_S": "0.1",
        "SPAR_HEARTBEAT_S": "0.5",
        "SPAR_LEASE_S": "3",
        "SPAR_LOST_S": "2",
        "SPAR_THREADS": "8",
    }
    database = open_database(postgres_url)
    migrate(database)
    made = Stack(folder, environment, database, store)
    try:
        yield made
    finally:
        for name in list(made.processes):
            made.kill(name)
        database.dispose()


def module_of(service: str) -> Sequence[str]:
    """The module that `python -m` runs for a service, with its arguments."""
    return ["services.worker", service] if service in WORKER_QUEUES else [f"services.{service}.worker"]
