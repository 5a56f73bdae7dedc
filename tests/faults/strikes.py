"""The ways to inject a fault: each returns a `Fault`, which injects it on entry and removes it on exit."""

import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import psycopg

from tests.faults.http_proxy import HttpFault, HttpProxy
from tests.faults.proxy import PASS, Behaviour, Link, TcpProxy
from tests.faults.stack import FaultStack, NotInTime
from tests.faults.trial import Fault

SHIFTING = ("coordinator", "generation", "judgment", "refinement", "training")
"""Processes without which a run does not proceed."""
STRIKES_WITHIN_S = 30.0  # or twice the undisturbed run
"""A fault that finds nothing to act on within this time proves nothing, so its trial counts as failed."""
OTHER_PASSWORD = "another-not-a-secret"


def fault(block: Callable[[FaultStack], Iterator[None]]) -> Fault:
    """A fault that does not depend on the run."""
    begun = contextmanager(block)

    def strike(stack: FaultStack, _: str) -> AbstractContextManager[None]:
        return begun(stack)

    return strike


def within_s(stack: FaultStack) -> float:
    return max(STRIKES_WITHIN_S, 2 * stack.pace_s)


# ---- processes ----


def restarted(*names: str, sign: signal.Signals = signal.SIGKILL) -> Fault:
    """Stop and immediately restart processes."""

    def block(stack: FaultStack) -> Iterator[None]:
        for name in names:
            stack.stop(name, sign)
        stack.start(*names)
        yield

    return fault(block)


def absent(*names: str, sign: signal.Signals = signal.SIGKILL) -> Fault:
    """Stop processes, and restart them at the end of the block."""

    def block(stack: FaultStack) -> Iterator[None]:
        for name in names:
            stack.stop(name, sign)
        yield
        stack.start(*names)

    return fault(block)


def stopped(*names: str) -> Fault:
    """SIGSTOP, and SIGCONT at the end, like a laptop that sleeps or a host that is paused."""

    def block(stack: FaultStack) -> Iterator[None]:
        for name in names:
            stack.pause(name)
        yield
        for name in names:
            stack.pause(name, signal.SIGCONT)

    return fault(block)


def second_coordinator(stack: FaultStack) -> Iterator[None]:
    """Start a second coordinator beside the first: it must exit."""
    stack.down.add("coordinator.2")
    stack.base.start("coordinator.2")
    yield
    if "coordinator.2" in stack.base.processes:
        stack.stop("coordinator.2")


def deposed_coordinator(stack: FaultStack) -> Iterator[None]:
    """The first coordinator loses the connection that holds its lock, and a second one acquires it."""
    with admin(stack) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
    yield from second_coordinator(stack)


# ---- links and HTTP ----


def link(choose: Callable[[FaultStack], TcpProxy], behaviour: Behaviour) -> Fault:
    def block(stack: FaultStack) -> Iterator[None]:
        choose(stack).switch(behaviour)
        yield
        choose(stack).switch(PASS)

    return fault(block)


def reset(choose: Callable[[FaultStack], TcpProxy], times: int = 1) -> Fault:
    """Reset every open connection, several times in a row."""

    def block(stack: FaultStack) -> Iterator[None]:
        for _ in range(times):
            choose(stack).reset()
            stack.pass_time(0.2)
        yield

    return fault(block)


def replies(choose: Callable[[FaultStack], HttpProxy], what: HttpFault) -> Fault:
    def block(stack: FaultStack) -> Iterator[None]:
        http = choose(stack)
        http.switch(what)
        yield
        limit_s = within_s(stack)
        stack.pass_time(limit_s, lambda: http.struck > 0)
        struck = http.struck
        http.switch(None)
        if not struck:
            raise NotInTime(f"not within {limit_s:.0f} s: a request that the fault could strike")

    return fault(block)


# ---- Redis ----


def redis_restarted(*, lose_data: bool) -> Fault:
    def block(stack: FaultStack) -> Iterator[None]:
        stack.redis.restart(lose_data=lose_data)
        yield

    return fault(block)


def redis_configured(name: str, value: str, back: str) -> Fault:
    def block(stack: FaultStack) -> Iterator[None]:
        with stack.redis.client() as client:
            client.config_set(name, value)
        yield
        with stack.redis.client() as client:
            client.config_set(name, back)

    return fault(block)


def redis_read_only(stack: FaultStack) -> Iterator[None]:
    """A replica without a primary: it rejects every write with READONLY."""
    with stack.redis.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
    yield
    with stack.redis.client() as client:
        client.execute_command("REPLICAOF", "NO", "ONE")


def redis_forbids_writes(stack: FaultStack) -> Iterator[None]:
    """Our user has read access only: NOPERM."""
    with stack.redis.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-@write")
    yield
    with stack.redis.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "+@all")


def redis_cannot_save(stack: FaultStack) -> Iterator[None]:
    """A failing snapshot, as on a full disk: from then on every write is rejected with MISCONF."""

    def saved(well: bool) -> bool:
        with stack.redis.client() as client:
            about = client.info("persistence")
            return not about["rdb_bgsave_in_progress"] and (about["rdb_last_bgsave_status"] == "ok") is well

    snapshot = stack.redis.child.folder / "dump.rdb"
    snapshot.mkdir()
    with stack.redis.client() as client:
        client.config_set("save", "3600 1")
        client.bgsave()
    stack.wait(lambda: saved(False), STRIKES_WITHIN_S, "a snapshot that fails")
    yield
    snapshot.rmdir()
    with stack.redis.client() as client:
        client.config_set("save", "")
        client.bgsave()
    stack.wait(lambda: saved(True), STRIKES_WITHIN_S, "a snapshot that is saved")
    snapshot.unlink()


def redis_other_password(stack: FaultStack) -> Iterator[None]:
    with stack.redis.client() as client:
        client.config_set("requirepass", OTHER_PASSWORD)
        client.client_kill_filter(_type="normal", skipme=True)
    yield
    with replace(stack.redis, password=OTHER_PASSWORD).client() as client:
        client.config_set("requirepass", stack.redis.password)


def redis_clients_killed(stack: FaultStack) -> Iterator[None]:
    with stack.redis.client() as client:
        for kind in ("normal", "pubsub"):
            client.client_kill_filter(_type=kind, skipme=True)
    yield


def redis_emptied(stack: FaultStack) -> Iterator[None]:
    stack.redis.flush()
    yield


def redis_paused(stack: FaultStack) -> Iterator[None]:
    assert stack.redis.child.process is not None
    stack.redis.child.process.send_signal(signal.SIGSTOP)
    yield
    stack.redis.child.process.send_signal(signal.SIGCONT)


# ---- PostgreSQL ----


@contextmanager
def admin(stack: FaultStack) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(stack.dsn, autocommit=True) as connection:
        yield connection


_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


def postgres_restarted(stack: FaultStack) -> Iterator[None]:
    stack.postgres.restart()
    yield


def backends_terminated(stack: FaultStack) -> Iterator[None]:
    with admin(stack) as connection:
        connection.execute(_OTHERS)
    yield


def postgres_read_only(stack: FaultStack) -> Iterator[None]:
    """Read-only for every new session; open ones are terminated."""
    with admin(stack) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")  # type: ignore[arg-type]
        connection.execute(_OTHERS)
    yield
    with admin(stack) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")  # type: ignore[arg-type]
        connection.execute(_OTHERS)


def table_locked(stack: FaultStack) -> Iterator[None]:
    """Writes block, as during a long CREATE INDEX. Reads do not: the harness itself reads this database."""
    with psycopg.connect(stack.dsn) as connection:
        connection.execute("LOCK TABLE step IN EXCLUSIVE MODE")
        yield
        connection.rollback()


def refusing_writes(sqlstate: str, share: float = 1.0) -> Fault:
    """Writes to `step` fail with that SQLSTATE, as with a full disk or a deadlock."""

    def block(stack: FaultStack) -> Iterator[None]:
        with admin(stack) as connection:
            connection.execute(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger AS $$ BEGIN"  # type: ignore[arg-type]
                f" IF random() < {share} THEN RAISE EXCEPTION 'planted' USING ERRCODE = '{sqlstate}'; END IF;"
                " RETURN NEW; END $$ LANGUAGE plpgsql"
            )
            connection.execute(
                "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON step FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        yield
        with admin(stack) as connection:
            connection.execute("DROP TRIGGER refuse ON step")

    return fault(block)


# ---- disks ----


def folder_is_a_file(stack: FaultStack) -> Iterator[None]:
    """The trainings' folder cannot be created, as on a disk mounted read-only."""
    place = stack.work / "training"
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    yield
    place.unlink()


def no_bytes_on_disk(name: str) -> Fault:
    """A process that cannot write to any file: every write is an OSError, as on a full disk."""

    def block(stack: FaultStack) -> Iterator[None]:
        pid = stack.base.processes[name].pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        yield
        if name in stack.base.processes and stack.base.processes[name].pid == pid:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    return fault(block)


# ---- servers ----


def model_server_restarted(stack: FaultStack) -> Iterator[None]:
    stack.model.stop(signal.SIGKILL)
    yield
    stack.model.start()


HANG = Behaviour(link=Link.HANG)
REFUSE = Behaviour(link=Link.REFUSE)
MUTE = Behaviour(link=Link.MUTE)
DEAF = Behaviour(link=Link.DEAF)
