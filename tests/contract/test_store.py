"""The contract of every object store: one suite, run against the directory store and S3 over HTTP."""

import hashlib
import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spar.errors import ObjectMissing, StoreError
from spar.runtime.timing import TimedStore
from spar.store.base import ObjectStore
from spar.store.directory import DirectoryStore

_BUCKETS = itertools.count()


@pytest.fixture(params=["directory", "timed", pytest.param("s3", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store of each kind."""
    if request.param == "directory":
        return DirectoryStore(tmp_path / "store")
    if request.param == "timed":
        return TimedStore(DirectoryStore(tmp_path / "store"))
    made: ObjectStore = request.getfixturevalue("s3").store(f"contract-{next(_BUCKETS)}")
    return made


def test_what_was_put_is_got(store: ObjectStore) -> None:
    for data in (b"", b"bytes \x00\xff", os.urandom(300_000)):
        store.put("results/abc/1", data)
        assert store.get("results/abc/1") == data


def test_a_key_exists_once_it_was_put(store: ObjectStore) -> None:
    assert not store.exists("a/b")
    store.put("a/b", b"x")
    assert store.exists("a/b")
    assert not store.exists("a")


def test_a_missing_object_is_named(store: ObjectStore, tmp_path: Path) -> None:
    store.put("a/b", b"x")
    for key in ("nothing/here", "a", "a/b/c", "a/bb"):
        with pytest.raises(ObjectMissing, match=f"no object {key} in"):
            store.get(key)
        with pytest.raises(ObjectMissing, match=f"no object {key} in"):
            store.get_file(key, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_putting_again_replaces(store: ObjectStore) -> None:
    store.put("key", b"a longer first version")
    store.put("key", b"second")
    assert store.get("key") == b"second"


def test_what_was_removed_is_missing_and_the_rest_stays(store: ObjectStore) -> None:
    for key in ("a/b", "a/c"):
        store.put(key, b"x")
    store.remove("a/b")
    store.remove("a/b")
    store.remove("a")
    assert list(store.keys("")) == ["a/c"]
    with pytest.raises(ObjectMissing):
        store.get("a/b")


def test_an_object_tells_when_it_was_written(store: ObjectStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)  # S3 tells whole seconds
    store.put("a/b", b"x")
    assert before <= store.written_at("a/b") <= datetime.now(UTC)
    with pytest.raises(ObjectMissing):
        store.written_at("a")


def test_keys_below_a_prefix_come_sorted(store: ObjectStore) -> None:
    for key in ("b/2", "b/10", "b-c/1", "b.d/1", "b/x/deep", "a", "bb/1"):
        store.put(key, b"x")
    assert list(store.keys("b")) == ["b/10", "b/2", "b/x/deep"]
    assert list(store.keys("b/")) == ["b/10", "b/2", "b/x/deep"]
    assert list(store.keys("b/x")) == ["b/x/deep"]
    assert list(store.keys("nothing")) == []
    assert list(store.keys("")) == ["a", "b-c/1", "b.d/1", "b/10", "b/2", "b/x/deep", "bb/1"]


def test_an_empty_store_has_no_keys(store: ObjectStore) -> None:
    assert list(store.keys("")) == []


def test_many_keys_are_all_listed(store: ObjectStore) -> None:
    """More objects than S3 lists in one reply."""
    wanted = [f"many/{number:04}" for number in range(1_050)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, b""), wanted))
    assert list(store.keys("many")) == wanted


def test_files_travel_whole(store: ObjectStore, tmp_path: Path) -> None:
    """Larger than one part of a multipart upload."""
    source, copy = tmp_path / "source", tmp_path / "copy"
    block = os.urandom(1 << 20)
    source.write_bytes(block * 35)
    store.put_file("models/f/model.safetensors", source)
    store.get_file("models/f/model.safetensors", copy)
    assert _sha256(copy) == _sha256(source)


def test_an_empty_file_travels(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    store.put_file("empty", tmp_path / "empty")
    store.get_file("empty", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b""


def test_a_file_that_cannot_be_read_is_explained(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"No such file"):
        store.put_file("key", tmp_path / "nothing")
    assert not store.exists("key")


def test_a_file_that_cannot_be_written_is_explained(store: ObjectStore, tmp_path: Path) -> None:
    store.put("key", b"x")
    with pytest.raises(StoreError, match=r"No such file"):
        store.get_file("key", tmp_path / "nowhere" / "copy")


@pytest.mark.parametrize("writers", [8])
def test_writers_of_one_key_leave_one_of_their_versions(store: ObjectStore, writers: int) -> None:
    versions = [bytes([number]) * 200_000 for number in range(writers)]
    store.put("key", versions[0])
    done = threading.Event()
    seen: list[bytes] = []

    def read() -> None:
        while not done.is_set():
            seen.append(store.get("key"))

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(lambda data: store.put("key", data), versions * 3))
    done.set()
    reader.join()
    assert set(seen) <= set(versions)
    assert store.get("key") in versions
    assert list(store.keys("")) == ["key"]


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", "a//b", "a/", ".", "a/./b", "a b", "a\\b"),
        *("a\n", "a\x00b", "ä", "a~b", "a?b", "a#b", "a%2e", "C:x", "x" * 256, "/".join(["x" * 99] * 11)),
    ],
)
def test_what_is_no_key_is_refused(store: ObjectStore, tmp_path: Path, key: str) -> None:
    for attempt in (
        lambda: store.put(key, b"x"),
        lambda: store.get(key),
        lambda: store.exists(key),
        lambda: store.put_file(key, tmp_path / "file"),
        lambda: store.get_file(key, tmp_path / "file"),
    ):
        with pytest.raises(StoreError, match=r"cannot be a key .* use such a name"):
            attempt()
    assert list(store.keys("")) == []


def test_names_with_every_allowed_character_are_keys(store: ObjectStore) -> None:
    key = "results/ABCxyz019._-/...a/-b/_c/.d/" + "x" * 255
    store.put(key, b"x")
    assert store.get(key) == b"x"
    assert list(store.keys("results")) == [key]


def test_a_prefix_out_of_the_store_is_refused(store: ObjectStore) -> None:
    for prefix in ("../", "/", "a/../..", "~scratch"):
        with pytest.raises(StoreError, match="cannot be a key"):
            list(store.keys(prefix))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
