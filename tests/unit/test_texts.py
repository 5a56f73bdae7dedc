"""What can be stored is kept as it is; what cannot is replaced, and can be stored then: as UTF-8, and as JSON."""

import json

from hypothesis import given
from hypothesis import strategies as st

from spar.texts import INSTEAD, is_all_storable, is_storable, storable, storable_all

ANY_TEXT = st.text(st.characters(codec=None))
"""With NUL and halves of surrogate pairs, which `st.text()` draws too: here they are named."""
BROKEN = st.builds("{}{}{}".format, ANY_TEXT, st.sampled_from(["\x00", "\ud800", "\udfff"]), ANY_TEXT)
ANY_JSON = st.recursive(
    ANY_TEXT | BROKEN | st.none() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT | BROKEN, inner),
    max_leaves=12,
)


@given(ANY_TEXT | BROKEN)
def test_every_text_can_be_stored_afterwards(text: str) -> None:
    clean = storable(text)
    assert "\x00" not in clean
    assert clean.encode("utf-8").decode("utf-8") == clean
    assert len(clean) == len(text)
    assert is_storable(clean)
    assert (clean == text) == is_storable(text)


@given(BROKEN)
def test_a_broken_text_is_found(text: str) -> None:
    assert not is_storable(text)
    assert INSTEAD in storable(text)


@given(ANY_JSON)
def test_every_value_can_be_stored_afterwards(value: object) -> None:
    clean = storable_all(value)
    assert is_all_storable(clean)
    written = json.dumps(clean, ensure_ascii=False).encode("utf-8")
    assert b"\\u0000" not in written
    if is_all_storable(value):
        assert clean == value
