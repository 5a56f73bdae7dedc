"""Reads the texts that a step asks with: templates, and forms. Knows no step."""

from spar.messages.base import ObjectRef
from spar.method.templates import TemplateSet
from spar.method.templates.forms import PromptForm
from spar.runtime.steps import read_rows
from spar.runtime.worker import Worker


async def read_form(worker: Worker, ref: ObjectRef | None) -> PromptForm | None:
    """The object's only row; None where a step has no form of its own."""
    if ref is None:
        return None
    [form] = await read_rows(worker.store, ref, PromptForm)
    return form


async def read_templates(worker: Worker, ref: ObjectRef) -> TemplateSet:
    """The object's only row."""
    [templates] = await read_rows(worker.store, ref, TemplateSet)
    return templates
