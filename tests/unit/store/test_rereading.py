"""One failed read is not lost data; three are."""

from pathlib import Path

import pytest

from spar.errors import ObjectMissing, ServiceError
from spar.store.directory import DirectoryStore
from spar.store.rereading import PAUSES_S, reread
from spar.store.results import get_verified, put_blob


class Flaky(DirectoryStore):
    """Misses an object, or has other bytes, for the first reads."""

    def __init__(self, root: Path, misses: int) -> None:
        super().__init__(root)
        self.misses, self.reads = misses, 0

    def get(self, key: str) -> bytes:
        self.reads += 1
        if self.reads > self.misses:
            return super().get(key)
        return b"cut" if self.reads % 2 else super().get("nothing/here")


def test_what_is_read_at_last_is_not_lost(tmp_path: Path) -> None:
    store = Flaky(tmp_path, misses=len(PAUSES_S))
    key = put_blob(store, "results", b"data").key
    assert reread(lambda: get_verified(store, key)) == b"data"
    assert store.reads == len(PAUSES_S) + 1


def test_what_stays_missing_is_lost_after_a_bounded_number_of_reads(tmp_path: Path) -> None:
    store = Flaky(tmp_path, misses=0)
    with pytest.raises(ObjectMissing):
        reread(lambda: store.get("results/none"))
    assert store.reads == len(PAUSES_S) + 1


def test_a_store_that_is_away_is_not_read_again_here() -> None:
    reads = []

    def away() -> bytes:
        reads.append(1)
        raise ServiceError("The object store cannot be reached.")

    with pytest.raises(ServiceError):
        reread(away)
    assert len(reads) == 1
