"""What only a store behind a network can meet: it is away, it refuses us, it is not what we were told."""

import pytest

from spar.errors import ServiceError
from spar.runtime.process import reach_store
from spar.runtime.settings import Settings
from spar.store.models import ModelCache, upload_model
from spar.store.s3 import S3Store
from tests.servers import S3Server, free_port

pytestmark = pytest.mark.integration


@pytest.mark.timeout(60)  # it is told after a few tries, not after the client's own minutes of them
def test_a_store_that_is_away_is_named() -> None:
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


def test_making_a_bucket_again_is_harmless(s3: S3Server) -> None:
    store = s3.store("again")
    store.put("key", b"x")
    store.ensure_bucket()
    assert store.get("key") == b"x"


def test_an_address_that_is_none_is_explained() -> None:
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
