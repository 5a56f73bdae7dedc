"""Reads the form that a step asks with. Knows no step."""

from spar.messages.base import ObjectRef
from spar.method.templates.forms import Form
from spar.runtime.steps import read_rows
from spar.runtime.worker import Worker


async def read_form(worker: Worker, ref: ObjectRef | None) -> Form | None:
    """The object's only row; None where a step has no form of its own."""
    if ref is None:
        return None
    [form] = await read_rows(worker.store, ref, Form)
    return form
