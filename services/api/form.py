"""Reads a submission from an HTTP request: a form, YAML, or JSON, as the OpenAPI description states."""

from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from services.api.errors import Refusal
from services.api.receiving import JSON, JUDGE, REFINE, Received

YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/plain")
FORM = ("multipart/form-data", "application/x-www-form-urlencoded")
FILES = {
    "recipe": "The recipe, YAML or JSON (then of content type application/json).",
    "prompts": 'JSONL of {"prompt": "..."} rows.',
    "judge": "The template judge.txt.",
    "refine": "The template refine.txt.",
}
FIX = "Send a form with the file `recipe`, or the recipe itself as application/yaml or application/json."
MAX_FIELD_BYTES = 4 * 1024**2

SUBMISSION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["recipe"],
                    "properties": {
                        **{name: {"type": "string", "description": text} for name, text in FILES.items()},
                        "set": {"type": "array", "items": {"type": "string"}, "description": "KEY=VALUE changes."},
                    },
                }
            },
            "application/yaml": {"schema": {"type": "string"}},
            JSON: {"schema": {"type": "object"}},
        },
    }
}


async def _submitted(request: Request) -> Received:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in FORM:
        async with request.form(max_files=8, max_fields=256, max_part_size=MAX_FIELD_BYTES) as form:
            return await _from_form(form)
    if kind == JSON or kind in YAML:
        return Received(recipe=await request.body(), content_type=kind)
    raise Refusal(415, f"The content type {kind or '(none)'} is not taken here.", FIX)


Submitted = Annotated[Received, Depends(_submitted)]


async def _from_form(form: FormData) -> Received:
    known = {*FILES, "set"}
    if strangers := sorted(set(form) - known):
        raise Refusal(422, f"The form has parts that are not known: {', '.join(strangers)}.", FIX)
    recipe = await _bytes(form, "recipe")
    if recipe is None:
        raise Refusal(422, "The form has no part `recipe`.", FIX)
    part, prompts = form["recipe"], form.get("prompts")
    templates = {JUDGE: await _bytes(form, "judge"), REFINE: await _bytes(form, "refine")}
    return Received(
        recipe=recipe,
        content_type=(part.content_type or "") if isinstance(part, UploadFile) else "",
        overrides=tuple(value for value in form.getlist("set") if isinstance(value, str)),
        prompts=await _bytes(form, "prompts"),
        prompts_name=(prompts.filename or "prompts.jsonl") if isinstance(prompts, UploadFile) else "prompts.jsonl",
        templates={name: text for name, text in templates.items() if text is not None},
    )


async def _bytes(form: FormData, name: str) -> bytes | None:
    part = form.get(name)
    return await part.read() if isinstance(part, UploadFile) else None if part is None else part.encode()
