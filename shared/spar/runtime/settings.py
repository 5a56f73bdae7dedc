"""A process's settings, from the environment (SPAR_*). Recipes say what a run is; these say where a process lives.

Credentials come from here only, and are never logged.
"""

import os
import socket
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _names(text: object) -> object:
    """`a, b` as names; what is no text is left to pydantic."""
    return tuple(name for name in map(str.strip, text.split(",")) if name) if isinstance(text, str) else text


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]


class Settings(BaseSettings):
    """Defaults suit a process of its own on one host; the embedded runner makes its own from a home."""

    model_config = SettingsConfigDict(env_prefix="SPAR_", frozen=True, hide_input_in_errors=True)

    broker_url: SecretStr = SecretStr("redis://localhost:6379/0")
    database_url: SecretStr = SecretStr("postgresql+psycopg://spar@localhost/spar")
    store_dir: Path | None = None
    """A directory as the object store; None means S3, below."""
    s3_endpoint: str = "localhost:9000"
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    s3_bucket: str = "spar"
    s3_secure: bool = False
    work_dir: Path = Path("/var/tmp/spar")
    """Checkpoints of trainings and the cache of model files."""
    model_cache_bytes: int = 200 * 1024**3
    threads: int = Field(default=32, gt=0)
    """Tasks a worker holds at once; they wait, their work runs on one event loop."""
    polling_interval_s: float = 0.5
    """How often the coordinator looks for commands and leases."""
    runs_at_once: int = Field(default=1, gt=0)
    """Runs that go on at the same time and share the workers, by turns; the others are queued."""
    heartbeat_s: float = Field(default=30.0, gt=0)
    lease_s: float = Field(default=90.0, gt=0)
    """Three missed heartbeats."""
    lost_s: float = Field(default=30.0, gt=0)
    """How long a step may be dispatched, with its queue empty, before it counts as lost."""
    stuck_s: float = Field(default=300.0, gt=0)
    """A run of which no step has ended for so long, though steps are open, is reported as stuck."""
    broker_timeout_s: float = Field(default=5.0, gt=0)
    """How long a command waits for Redis's reply; it is tried four times."""
    database_timeout_s: float = Field(default=60.0, gt=0)
    """How long a statement may take; five times as long where whole runs are read (the API)."""
    store_timeout_s: float = Field(default=30.0, gt=0)
    """How long the object store may be silent, three times over."""
    worker_name: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    queues: Names = ()
    """Comma separated: what `services.worker` consumes if it is started without arguments. Empty: all queues."""
    alive_file: Path | None = None
    """Touched while this worker is connected to its broker; see `spar.runtime.health`."""
