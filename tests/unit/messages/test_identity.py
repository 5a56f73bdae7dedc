"""A result is found under a name that no rename of a class may change."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, ClassVar, get_args

import pytest
from pydantic import BaseModel

import spar.messages
from spar.messages.base import ObjectRef, Spec
from spar.messages.generation import GenerationSpec
from spar.messages.identity import Reference, canonical_form, identity_of

for _module in iter_modules(spar.messages.__path__):
    import_module(f"spar.messages.{_module.name}")


class Nested(BaseModel):
    identity: ClassVar[str] = "Nested"
    width: int


class Example(Spec):
    identity: ClassVar[str] = "Example"
    rows: ObjectRef
    nested: Nested


def test_a_renamed_class_has_the_same_fingerprint() -> None:
    class RenamedNested(BaseModel):
        identity: ClassVar[str] = "Nested"
        width: int

    class Renamed(Spec):
        identity: ClassVar[str] = "Example"
        rows: ObjectRef
        nested: RenamedNested

    rows = ObjectRef(key="results/abc")
    before = Example(revision=1, rows=rows, nested=Nested(width=3))
    after = Renamed(revision=1, rows=rows, nested=RenamedNested(width=3))
    assert after.fingerprint() == before.fingerprint()


def test_the_canonical_form_is_the_one_of_stored_results() -> None:
    example = Example(revision=1, rows=ObjectRef(key="results/abc"), nested=Nested(width=3))
    assert canonical_form(example) == '{"":"Example","nested":{"":"Nested","width":3},"revision":1,"rows":"abc"}'


def test_an_inherited_identity_is_refused() -> None:
    class Child(Nested):
        height: int

    with pytest.raises(TypeError, match="Child is part of a spec: give it `identity"):
        canonical_form(Child(width=1, height=2))


def test_every_record_of_a_spec_states_an_identity_that_is_its_own() -> None:
    records = {record for spec in _specs() for record in _records(spec)}
    assert GenerationSpec in records
    assert len(records) > 20
    identities = [identity_of(record) for record in records]
    assert len(identities) == len(set(identities))


def _specs(kind: type[Spec] = Spec) -> Iterator[type[Spec]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("spar."):
            yield child
            yield from _specs(child)


def _records(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel) and not issubclass(kind, Reference):
        yield kind
        for field in kind.model_fields.values():
            yield from _records(field.annotation)
    for part in get_args(kind):
        yield from _records(part)
