"""Failures that only a store behind a network has: unreachable, refusing, or not the expected service."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spar.errors import ServiceError
from spar.runtime.process import reach_store
from spar.runtime.settings import Settings
from spar.store.models import ModelCache, upload_model
from spar.store.s3 import S3Store
from tests.faults.http_proxy import HttpFault, HttpProxy, Reply, http_proxy
from tests.faults.proxy import proxy_loop
from tests.servers import S3Server, free_port

pytestmark = pytest.mark.integration


@pytest.mark.timeout(60)  # reported after a few tries, not after the client's own minutes of retries
def test_an_unreachable_store_is_named() -> None:
    endpoint = f"127.0.0.1:{free_port()}"
    store = S3Store(endpoint, "key", "secret", "bucket")
    with pytest.raises(ServiceError, match=f"at {endpoint} cannot be reached"):
        store.get("key")


def test_refused_credentials_are_named(s3: S3Server) -> None:
    store = s3.store()
    with s3.require_credentials():
        for attempt in (
            lambda: store.get("key"),
            lambda: store.put("key", b"x"),
            lambda: store.exists("key"),
            lambda: list(store.keys("")),
        ):
            with pytest.raises(ServiceError, match="refuses our credentials") as caught:
                attempt()
            assert s3.secret_key not in str(caught.value)
    store.put("key", b"x")


def test_a_missing_bucket_is_named(s3: S3Server) -> None:
    store = S3Store(s3.endpoint, s3.access_key, s3.secret_key, "nowhere")
    for attempt in (
        lambda: store.get("key"),
        lambda: store.put("key", b"x"),
        lambda: store.exists("key"),
        lambda: list(store.keys("")),
    ):
        with pytest.raises(ServiceError, match="has no bucket nowhere"):
            attempt()


def test_a_process_does_not_start_on_a_missing_bucket(s3: S3Server) -> None:
    settings = Settings.model_validate(
        {
            "s3_endpoint": s3.endpoint,
            "s3_access_key": s3.access_key,
            "s3_secret_key": s3.secret_key,
            "s3_bucket": "nowhere",
        }
    )
    with pytest.raises(ServiceError, match="has no bucket nowhere"):
        reach_store(settings)


def test_creating_an_existing_bucket_is_harmless(s3: S3Server) -> None:
    store = s3.store("again")
    store.put("key", b"x")
    store.ensure_bucket()
    assert store.get("key") == b"x"


def test_an_invalid_address_is_explained() -> None:
    with pytest.raises(ServiceError, match="Give it as host:port"):
        S3Store("http://localhost:9000/path", "key", "secret", "bucket")


def test_secrets_are_not_shown() -> None:
    store = S3Store("localhost:9000", "the-key", "the-secret", "bucket")
    assert repr(store) == "S3Store('localhost:9000', bucket='bucket')"


def test_models_travel_over_s3(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, root = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("cache")
    (folder / "model.safetensors").write_bytes(b"w" * 100_000)
    store = s3.store("models")
    upload_model(store, "abc", folder)
    cache = ModelCache(root, store, 1 << 30)
    assert (cache.fetch("abc") / "model.safetensors").read_bytes() == b"w" * 100_000
    cache.close()


@pytest.fixture
def disturbed(s3: S3Server) -> Iterator[tuple[S3Store, HttpProxy]]:
    """A store behind a proxy that can falsify replies."""
    with proxy_loop() as loop, http_proxy(loop, s3.port) as proxy:
        yield S3Store(f"127.0.0.1:{proxy.port}", s3.access_key, s3.secret_key, s3.bucket), proxy


def error_with(status: int, code: str) -> Reply:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>planted</Message></Error>'
    return Reply(status=status, body=body.encode(), headers={"Content-Type": "application/xml"})


def test_an_error_under_status_200_is_not_stored(disturbed: tuple[S3Store, HttpProxy], tmp_path: Path) -> None:
    """S3 starts some replies before it knows the outcome; the client takes such a reply as a success."""
    store, proxy = disturbed
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x")
    large.write_bytes(b"x" * (17 << 20))  # in parts
    writes: list[Callable[[], None]] = [
        lambda: store.put("never", b"x"),
        lambda: store.put_file("never", small),
        lambda: store.put_file("never", large),
    ]
    for method in ("PUT", "POST"):
        proxy.switch(HttpFault(instead=error_with(200, "InternalError"), only=lambda r, m=method: r.method == m))  # type: ignore[misc]
        for write in writes if method == "PUT" else writes[2:]:
            with pytest.raises(ServiceError):
                write()
    proxy.switch(None)
    assert not store.exists("never")
    for write in writes:
        write()
    assert store.exists("never")


def test_only_the_end_of_a_large_file_is_an_error(disturbed: tuple[S3Store, HttpProxy], tmp_path: Path) -> None:
    store, proxy = disturbed
    large = tmp_path / "large"
    large.write_bytes(b"x" * (17 << 20))
    ends = HttpFault(
        instead=error_with(200, "InternalError"), only=lambda r: "uploadId" in r.query_string and r.method == "POST"
    )
    proxy.switch(ends)
    with pytest.raises(ServiceError, match="without storing it"):
        store.put_file("half", large)
    assert proxy.struck


@pytest.mark.parametrize("body", [b"<html>hello", b"<?xml version='1.0'?><Other/>", b"\xff\xfe"])
def test_a_reply_that_is_no_listing_is_explained(disturbed: tuple[S3Store, HttpProxy], body: bytes) -> None:
    store, proxy = disturbed
    proxy.switch(HttpFault(instead=Reply(status=200, body=body, headers={"Content-Type": "application/xml"})))
    with pytest.raises(ServiceError, match="does not answer as S3 does"):
        list(store.keys(""))


@pytest.mark.parametrize(("status", "code"), [(401, "Unauthorized"), (403, "SomethingNew"), (418, "Teapot")])
def test_an_unknown_code_is_the_services_and_has_a_fix(
    disturbed: tuple[S3Store, HttpProxy], status: int, code: str
) -> None:
    store, proxy = disturbed
    proxy.switch(HttpFault(instead=error_with(status, code)))
    for attempt in (lambda: store.get("key"), lambda: store.put("key", b"x")):
        with pytest.raises(ServiceError, match=code) as caught:
            attempt()
        assert caught.value.fix
