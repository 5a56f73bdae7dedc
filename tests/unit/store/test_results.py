"""Objects named by their bytes, and what happens when the bytes are others."""

import hashlib
from pathlib import Path

import pytest

from spar.errors import ObjectCorrupt, ObjectMissing, StoreError
from spar.store.directory import DirectoryStore
from spar.store.results import StoredObject, get_verified, put_blob, put_result, result_key

SHA = hashlib.sha256(b"data").hexdigest()


def test_a_result_is_named_by_its_fingerprint_and_its_bytes(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    stored = put_result(store, "abc", b"data")
    assert stored == StoredObject(key=f"results/abc/{SHA}", sha256=SHA, size=4)
    assert stored.key == result_key("abc", SHA)
    assert get_verified(store, stored.key) == b"data"


def test_two_writers_of_one_fingerprint_both_keep_their_bytes(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    keys = {put_result(store, "abc", data).key for data in (b"one", b"two", b"one")}
    assert set(store.keys("results/abc")) == keys
    assert len(keys) == 2


def test_inputs_are_stored_the_same_way(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    assert put_blob(store, "prompts", b"data").key == f"prompts/{SHA}"


def test_changed_bytes_are_corrupt(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    key = put_result(store, "abc", b"data").key
    (tmp_path / key).write_bytes(b"dat")
    with pytest.raises(ObjectCorrupt, match=f"The object {key} is not what was written"):
        get_verified(store, key)


def test_a_missing_result_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing):
        get_verified(DirectoryStore(tmp_path), result_key("abc", SHA))


def test_a_fingerprint_that_is_no_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be a key"):
        put_result(DirectoryStore(tmp_path), "../abc", b"data")
