"""A step's part is text where it is stored, and an index or a role where it is used."""

import pytest

from spar.errors import AccountingError
from spar.messages.parts import role_of, shard_index, shard_part


@pytest.mark.parametrize("index", [0, 7, 1000])
def test_a_shards_part_is_its_index_as_it_always_was(index: int) -> None:
    assert shard_part(index) == f"{index}"
    assert shard_index(shard_part(index)) == index


def test_a_role_is_read_out_of_its_part() -> None:
    assert (role_of("actor"), role_of("refiner")) == ("actor", "refiner")


@pytest.mark.parametrize("part", ["", "pairs", "actor", "-1", "1.0", "²"])
def test_what_is_no_shard_is_refused(part: str) -> None:
    with pytest.raises(AccountingError, match="shard's index"):
        shard_index(part)


@pytest.mark.parametrize("part", ["", "pairs", "3"])
def test_what_is_no_role_is_refused_rather_than_taken_for_the_refiner(part: str) -> None:
    with pytest.raises(AccountingError, match="'actor' or 'refiner'"):
        role_of(part)
