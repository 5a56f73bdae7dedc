"""The format of results: any rows come back as they were, the same rows are the same bytes, damage is seen."""

import hashlib
import time
from dataclasses import replace
from enum import StrEnum
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from spar.errors import DataError, ObjectCorrupt, StoreError
from spar.method.records import (
    Example,
    Generated,
    JudgedPrompt,
    Judgment,
    Message,
    Node,
    Pair,
    Prompt,
    Response,
    Tree,
    Verdict,
    Vote,
)
from spar.store.rows import ResultManifest, decode_rows, encode_rows, read_manifest

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)  # any Unicode but lone surrogates
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
for _type, _strategy in ((str, _TEXT), (float, _FINITE)):
    st.register_type_strategy(_type, _strategy)

PROMPT = Prompt.of("Begin with the word fox.")
VOTES = (Vote("It does. Yes", Verdict.YES), Vote("It does not. No", Verdict.NO))
JUDGMENT = Judgment(votes=VOTES, label=None, failure=None, value=0.5, critique=None)
TREE = Tree(
    prompt=PROMPT,
    nodes=(
        Node(path=(), text="text", judgment=JUDGMENT),
        Node(path=(0, 2), text="t", judgment=JUDGMENT, reply="reply"),
    ),
    best=(0, 2),
    solved=True,
    refine_replies=3,
    votes=4,
    failures={"b": 1, "a": 2},
)


def _encode(rows: list[Any], **counts: int) -> bytes:
    return encode_rows(step="judgment", fingerprint="f" * 64, rows=rows, counts=counts)


@pytest.mark.parametrize("record", [Generated, JudgedPrompt, Tree, Pair, Example, Message, Response])
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_any_rows_come_back_as_they_were(record: type[Any], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.from_type(record), max_size=3))
    manifest, got = decode_rows(_encode(rows), record)
    assert got == rows
    assert manifest == ResultManifest(step="judgment", fingerprint="f" * 64, rows=len(rows), counts={})


def test_a_tree_from_before_finish_reasons_were_kept_is_read() -> None:
    vote = {"failure": None, "reply": "No", "verdict": "no"}
    judgment = {"critique": "No", "failure": None, "label": "no", "value": 0.0, "votes": [vote]}
    node = {"judgment": judgment, "path": [], "reply": None, "text": "a text"}
    old = {
        "best": None,
        "failures": {"cut_off": 3},
        "nodes": [node],
        "prompt": {"id": PROMPT.id, "text": PROMPT.text},
        "refine_replies": 3,
        "solved": False,
        "votes": 0,
    }
    [tree] = decode_rows(encode_rows(step="refine", fingerprint="f" * 64, rows=[old]), Tree)[1]
    assert (tree.failures, tree.pruned, tree.nodes[0].failed) == ({"cut_off": 3}, (), ())
    assert tree.nodes[0].judgment.votes[0].finish_reason is None
    assert tree.nodes[0].judgment.redrawn == ()


class _Colour(StrEnum):
    RED = "red"


class _Model(BaseModel):
    name: str
    colours: tuple[_Colour, ...] = ()


def test_pydantic_models_are_rows_too() -> None:
    rows = [_Model(name="a", colours=(_Colour.RED,)), _Model(name="b")]
    assert decode_rows(_encode(rows), _Model)[1] == rows


def test_no_rows_are_a_result_too() -> None:
    manifest, rows = decode_rows(_encode([], empty=3), Pair)
    assert (manifest.rows, manifest.counts, rows) == (0, {"empty": 3}, [])


def test_line_breaks_of_every_kind_stay_in_their_row() -> None:
    rows = [Message("user", "a\nb\r\nc\u2028d\x85e\x0bf\x00"), Message("user", "\n")]
    assert decode_rows(_encode(rows), Message)[1] == rows


def test_the_order_of_a_dict_does_not_change_the_bytes() -> None:
    other = replace(TREE, failures={"a": 2, "b": 1})
    assert _encode([TREE], x=1, y=2) == _encode([other], y=2, x=1)


def test_the_bytes_are_these() -> None:
    """A change here means that every stored result gets another name: raise FORMAT with it."""
    raw = zstandard.ZstdDecompressor().decompress(_encode([PROMPT], good=1))
    assert raw == (
        b'{"counts":{"good":1},"fingerprint":"' + b"f" * 64 + b'","format":1,"rows":1,"step":"judgment"}\n'
        b'{"id":"' + PROMPT.id.encode() + b'","text":"Begin with the word fox."}\n'
    )
    lines = zstandard.ZstdDecompressor().decompress(_encode([TREE]))
    assert hashlib.sha256(lines).hexdigest()[:16] == "58de4b940d523db0"


def test_the_manifest_can_be_read_alone() -> None:
    data = _encode([Message("user", "x" * 100_000)], tokens=5)
    assert read_manifest(data) == ResultManifest(step="judgment", fingerprint="f" * 64, rows=1, counts={"tokens": 5})


@pytest.mark.parametrize("cut", [0, 3, 10, -1, -5])
def test_a_truncated_result_is_corrupt(cut: int) -> None:
    with pytest.raises(ObjectCorrupt, match="results/f/1 is not a whole result"):
        decode_rows(_encode([TREE])[:cut], Tree, "results/f/1")


@settings(max_examples=60)
@given(data=st.data())
def test_a_changed_byte_is_never_taken_for_other_rows(data: st.DataObject) -> None:
    whole = bytearray(_encode([TREE, TREE]))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        rows = decode_rows(bytes(whole), Tree, "key")[1]
    except ObjectCorrupt:
        return
    assert rows == [TREE, TREE]  # a bit of the frame that says nothing


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"[]\n",
        b'{"fingerprint":"f","format":1,"rows":2,"step":"s"}\n{"role":"user","content":"a"}\n',
        b'{"fingerprint":"f","format":1,"rows":1,"step":"s"}\n{"role":"user"}\n',
        b'{"fingerprint":"f","format":1,"rows":1,"step":"s"}\n{"role":"user","content":5}\n',
        b'{"fingerprint":"f","format":1,"rows":1,"step":"s"}\n\n{"role":"user","content":"a"}\n',
        b'{"fingerprint":"f","format":1,"rows":1,"step":"s"}\nnot json\n',
        b'{"fingerprint":"f","format":1,"rows":1,"step":"s"}\n{"role":"user","content":"\xff"}\n',
    ],
)
def test_what_is_no_result_is_corrupt(raw: bytes) -> None:
    with pytest.raises(ObjectCorrupt, match="Check the disk"):
        decode_rows(zstandard.compress(raw), Message, "key")


def test_something_after_the_end_is_corrupt() -> None:
    with pytest.raises(ObjectCorrupt):
        decode_rows(_encode([TREE]) + b"more", Tree)


def test_a_later_format_is_explained() -> None:
    raw = b'{"counts":{},"fingerprint":"f","format":2,"news":1,"rows":0,"step":"s"}\n'
    with pytest.raises(StoreError, match="has format 2; this version reads 1"):
        decode_rows(zstandard.compress(raw), Tree)


@pytest.mark.parametrize(
    "row", [Message("user", "\ud800"), replace(JUDGMENT, value=float("nan")), replace(PROMPT, text=5)]
)
def test_what_json_cannot_hold_is_refused(row: Any) -> None:
    with pytest.raises(DataError, match="cannot be written as JSON"):
        _encode([row])


def test_rows_of_two_types_are_refused() -> None:
    with pytest.raises(TypeError):
        _encode([PROMPT, TREE])


def test_ten_thousand_rows_take_no_time() -> None:
    """At least 10,000 rows a second each way; the bound leaves room for a busy machine."""
    row = Generated(PROMPT, tuple(Response(index, "some text of a response " * 5) for index in range(5)))
    start = time.process_time()
    assert len(decode_rows(_encode([row] * 10_000), Generated)[1]) == 10_000
    assert time.process_time() - start < 2.0
