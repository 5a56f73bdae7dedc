"""The system under fault: real Redis, PostgreSQL, S3 and the simulated model server, each behind a proxy, and our
processes in front of them, restarted when they end, as `restart: unless-stopped` does it.

The harness itself looks at the servers directly, so that it sees through every fault. Knows nothing of which faults
there are.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import psycopg
from sqlalchemy import Engine, func
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, delete, select

from spar.db.progress import RunProgress, read_progress
from spar.db.tables import Event, Orphan, Run, Step, StoredResult
from spar.errors import SparError
from spar.messages.states import RunStatus, StepState
from spar.recipes.load import load_recipe
from spar.submission.prepare import prepare, submit
from tests import servers
from tests.faults.http_proxy import HttpProxy, http_proxy
from tests.faults.proxy import PASS, TcpProxy, proxy_loop, tcp_proxy
from tests.integration.stack import SERVICES, Stack, stack

PROCESSES = (*SERVICES, "api")
TOKEN = "faults-not-a-secret"
RESTART_S = 1.0
"""Between an exit of a process and its restart."""
LOOK_S = 0.1
STOP_S = 60.0
"""Within which a process must exit after a signal."""
READY_S = 60.0
SHOWN_S = 20.0  # for a reply of the API, whose database may be unreachable

SCALED = {
    "SPAR_POLLING_INTERVAL_S": "0.2",
    "SPAR_HEARTBEAT_S": "0.5",
    "SPAR_LEASE_S": "3",
    "SPAR_LOST_S": "2",
    "SPAR_STUCK_S": "6",
    "SPAR_THREADS": "8",
    "SPAR_API_TOKEN": TOKEN,
}
"""Leases of seconds, so that a loss is detected in seconds, and a stuck run in a few more."""


class NotInTime(Exception):
    """A run did not reach the expected state within the time allowed for its kind."""


@dataclass
class Links:
    """The path to each server: its TCP proxy and, for HTTP, the proxy behind it that falsifies replies."""

    redis: TcpProxy
    postgres: TcpProxy
    s3: TcpProxy
    model: TcpProxy
    s3_http: HttpProxy
    model_http: HttpProxy

    @property
    def all(self) -> dict[str, TcpProxy]:
        return {"redis": self.redis, "postgres": self.postgres, "s3": self.s3, "model": self.model}

    def heal(self) -> None:
        for link in self.all.values():
            link.switch(PASS)
        for http in (self.s3_http, self.model_http):
            http.switch(None)


@dataclass
class FaultStack:
    """What faults act on. `keep` restarts processes that exited; every wait calls it."""

    base: Stack
    links: Links
    redis: servers.RedisServer
    postgres: servers.PostgresServer
    s3: servers.S3Server
    model: servers.Child
    database_url: str
    iterations: int = 2
    """Iterations of each run."""
    pace_s: float = 0.0
    """Duration of the undisturbed run in seconds; deadlines scale with it, so that a loaded machine is not a fault."""
    down: set[str] = field(default_factory=set)
    """Processes that must not be restarted."""
    ended: dict[str, list[int]] = field(default_factory=dict)
    """Exit codes of processes that exited on their own, by name."""
    _due: dict[str, float] = field(default_factory=dict)

    @property
    def database(self) -> Engine:
        return self.base.database

    @property
    def dsn(self) -> str:
        """The database for psycopg, bypassing the proxy."""
        return self.database_url.replace("+psycopg", "")

    @property
    def work(self) -> Path:
        return Path(self.base.environment["SPAR_WORK_DIR"])

    def start(self, *names: str) -> None:
        self.down.difference_update(names)
        for name in names:
            self._due.pop(name, None)
            if name not in self.base.processes:
                self.base.start(name)

    def stop(self, name: str, sign: signal.Signals = signal.SIGKILL) -> None:
        """Stop a process, which stays stopped until it is started."""
        self.down.add(name)
        self._due.pop(name, None)
        process = self.base.processes.pop(name, None)
        if process is None:
            return
        process.send_signal(sign)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise NotInTime(f"{name} has not ended {STOP_S:.0f} s after {sign.name}") from None

    def restart(self, name: str, sign: signal.Signals = signal.SIGKILL) -> None:
        self.stop(name, sign)
        self.start(name)

    def pause(self, name: str, sign: signal.Signals = signal.SIGSTOP) -> None:
        self.base.processes[name].send_signal(sign)

    def keep(self) -> None:
        """Record the processes that exited on their own, and restart them after a moment."""
        now = time.monotonic()
        for name, process in list(self.base.processes.items()):
            if (code := process.poll()) is not None:
                del self.base.processes[name]
                self.ended.setdefault(name, []).append(code)
                self._due[name] = now + RESTART_S
        for name in [name for name, due in self._due.items() if due <= now]:
            self.start(name)

    # ---- runs ----

    def submit(self, recipe: Path, settings: list[str]) -> str:
        submission = prepare(load_recipe(str(recipe), settings), self.base.store).submission
        submit(submission, self.database)
        return submission.run_id

    def progress(self, run_id: str) -> RunProgress | None:
        """None also while the database is unreachable."""
        with suppress(OperationalError, SparError), Session(self.database) as session:
            return read_progress(session, run_id)
        return None

    def done_steps(self, run_id: str) -> int:
        with suppress(OperationalError, SparError), Session(self.database) as session:
            of = select(func.count()).where(Step.run_id == run_id, Step.state == StepState.DONE)
            return session.exec(of).one()
        return 0

    def wait(self, seen: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait for a condition while restarting processes that exit. Raises NotInTime."""
        deadline = time.monotonic() + within_s
        while not seen():
            self.keep()
            if time.monotonic() > deadline:
                raise NotInTime(f"not within {within_s:.0f} s: {what}")
            time.sleep(LOOK_S)

    def pass_time(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let a fault last, but no longer than until it has taken effect."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not until():
            self.keep()
            time.sleep(LOOK_S)

    def has_ended(self, run_id: str) -> bool:
        """Reads a single column, because waits call this all the time."""
        with suppress(OperationalError, SparError), Session(self.database) as session:
            status = session.exec(select(Run.status).where(Run.id == run_id)).one_or_none()
            return status is not None and RunStatus(status).ended
        return False

    def events_of(self, run_id: str) -> list[Event]:
        with Session(self.database, expire_on_commit=False) as session:
            return list(session.exec(select(Event).where(Event.run_id == run_id).order_by(col(Event.id))))

    def shown(self, run_id: str) -> str:
        """What the API currently shows of the run."""
        url = f"http://127.0.0.1:{self.base.environment['SPAR_API_PORT']}/runs/{run_id}"
        try:
            reply = httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=SHOWN_S)
        except httpx.HTTPError as error:
            return f"shown {type(error).__name__}"
        return f"shown {reply.json()['progress']['status'] if reply.is_success else reply.status_code}"

    # ---- between two kinds ----

    def mend(self) -> None:
        """Restore the state before the fault: servers up, links passing, processes running."""
        self.links.heal()
        for process in self.base.processes.values():
            process.send_signal(signal.SIGCONT)
        self.start(*(name for name in PROCESSES if name not in self.base.processes))

    def settle(self, within_s: float = READY_S) -> None:
        """Delete all results, so that the next kind computes everything; no run may be active."""
        self.ended.clear()
        with Session(self.database) as session, session.begin():
            for table in (StoredResult, Orphan):
                session.exec(delete(table))
        for folder in self.work.glob("*"):
            shutil.rmtree(folder, ignore_errors=True)
        self.s3.empty()  # objects are named by their content: a lost write would go unnoticed if an old one existed
        with self.redis.client() as client:
            client.delete(*SERVICES)
        self.wait(lambda: set(PROCESSES) <= set(self.base.processes), within_s, "processes up")

    def fresh(self) -> None:
        """Restart all processes on an empty Redis, after a kind that left something behind."""
        for name in list(self.base.processes):
            self.stop(name)
        self.links.heal()
        self.redis.flush()
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("UPDATE run SET status = 'cancelled' WHERE status NOT IN ('finished', 'failed')")
        self.start(*PROCESSES)


@contextmanager
def fault_stack(folder: Path) -> Iterator[FaultStack]:
    """Starts everything, on separate ports and folders, and stops everything at the end of the block."""
    with ExitStack() as up:
        redis = up.enter_context(servers.redis_server(password="not-a-secret"))
        postgres = up.enter_context(servers.postgres_server())
        s3 = up.enter_context(servers.s3_server())
        model_port = servers.free_port()
        model = up.enter_context(_model_server(folder, model_port))
        loop = up.enter_context(proxy_loop())
        s3_http = up.enter_context(http_proxy(loop, s3.port))
        model_http = up.enter_context(http_proxy(loop, model_port))
        links = Links(
            redis=up.enter_context(tcp_proxy(loop, redis.port)),
            postgres=up.enter_context(tcp_proxy(loop, postgres.port)),
            s3=up.enter_context(tcp_proxy(loop, s3_http.port)),
            model=up.enter_context(tcp_proxy(loop, model_http.port)),
            s3_http=s3_http,
            model_http=model_http,
        )
        url = postgres.new_database()
        base = up.enter_context(stack(folder, redis.url, url, s3))
        base.environment |= SCALED | {
            "SPAR_BROKER_URL": replace(redis, port=links.redis.port).url,
            "SPAR_DATABASE_URL": url.replace(f":{postgres.port}/", f":{links.postgres.port}/"),
            "SPAR_S3_ENDPOINT": f"127.0.0.1:{links.s3.port}",
            "SPAR_API_PORT": str(servers.free_port()),
        }
        made = FaultStack(base, links, redis, postgres, s3, model, url)
        made.start(*PROCESSES)
        yield made


@contextmanager
def _model_server(folder: Path, port: int) -> Iterator[servers.Child]:
    place = folder / "model-server"
    place.mkdir()
    command = [sys.executable, "-m", "spar.testing.serve", "--port", str(port), "--any-model"]
    command += ["--step-base", "0.002", "--step-per-sequence", "0.0001"]
    child = servers.Child(command, place, lambda: servers.listens(port))
    child.start()
    try:
        yield child
    finally:
        child.stop()
