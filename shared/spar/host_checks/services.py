"""Checks within seconds whether Redis, PostgreSQL and the object store are reachable. Reveals no credentials."""

from collections.abc import Callable
from urllib.parse import urlsplit

from spar.redaction import REDACTED, redact
from spar.runtime.settings import Settings

TIMEOUT_S = 3  # a service of this stack that takes longer is not one to run on

NAMED_BY = {"redis": "SPAR_BROKER_URL", "postgresql": "SPAR_DATABASE_URL", "s3": "SPAR_S3_ENDPOINT"}
"""The variable that makes doctor look at a service."""


def reach(name: str) -> str:
    """Why the service cannot be used; empty if it can."""
    settings = Settings()
    return REACHES[name](settings)


def _redis(settings: Settings) -> str:
    from redis import Redis, RedisError

    url = settings.broker_url.get_secret_value()
    try:
        with Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S) as client:
            client.ping()
    except (RedisError, ValueError, OSError) as error:
        return _first_line(error, url)
    return ""


def _postgresql(settings: Settings) -> str:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import SQLAlchemyError

    url = settings.database_url.get_secret_value()
    try:
        engine = create_engine(url, connect_args={"connect_timeout": TIMEOUT_S} if "postgres" in url else {})
        try:
            with engine.connect() as connection:
                connection.execute(text("select 1"))
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError, OSError) as error:
        return _first_line(error, url)
    return ""


def _s3(settings: Settings) -> str:
    import urllib3
    from minio import Minio
    from minio.error import MinioException

    try:
        client = Minio(
            settings.s3_endpoint,
            access_key=settings.s3_access_key.get_secret_value(),
            secret_key=settings.s3_secret_key.get_secret_value(),
            secure=settings.s3_secure,
            http_client=urllib3.PoolManager(timeout=TIMEOUT_S, retries=False),
        )
        if not client.bucket_exists(settings.s3_bucket):
            return f"there is no bucket {settings.s3_bucket}"
    except (MinioException, urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        return _first_line(error, settings.s3_secret_key.get_secret_value())
    return ""


REACHES: dict[str, Callable[[Settings], str]] = {"redis": _redis, "postgresql": _postgresql, "s3": _s3}


def _first_line(error: Exception, secret: str) -> str:
    """The error's first line, without a password that a driver may have put there."""
    line = str(error).partition("\n")[0] or type(error).__name__
    password = urlsplit(secret).password or secret
    return redact(line.replace(password, REDACTED) if password else line)
