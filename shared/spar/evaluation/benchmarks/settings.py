"""The settings that are stored beside a score: everything about the request that could change it.

Knows no scores.
"""

import hashlib
import json

from spar.benchmark_records import Benchmark, Work
from spar.evaluation.benchmarks.driver import driver_of
from spar.evaluation.benchmarks.requests import BenchmarkRequest
from spar.evaluation.judging import VERDICT
from spar.method.defaults import TEMPERATURE
from spar.recipes.models import AskSettings

REVISION = 1
"""Incremented when the same models would get other requests."""


def settings_of(request: BenchmarkRequest) -> dict[str, str | int]:
    """The models and engines, the templates by their text, and the settings that the benchmark uses."""
    record = request.benchmark
    uses = {key for key in record.settings if not _left_out(record, key, request.settings)}
    chosen = request.settings.model_dump(mode="json", include={"limit", *uses}, exclude_none=True)
    written = {key: v if isinstance(v, int) else json.dumps(v, sort_keys=True) for key, v in chosen.items()}
    settings: dict[str, str | int] = {"asking_revision": REVISION, "seed": request.seed, **request.about, **written}
    settings["temperature"] = str(TEMPERATURE if "votes" in uses and request.settings.votes > 1 else 0.0)
    if record.work is not Work.RESPONSES or request.search is not None:
        texts = request.templates.judge + chr(0) + request.templates.refine
        settings["templates"] = f"{request.templates.name}:{short_digest(texts)}"
    if request.judging.name != VERDICT:
        settings["policy"] = f"{request.judging.name} {json.dumps(request.judging.all_options, sort_keys=True)}"
        if request.judging.form is not None:
            settings["form"] = f"{request.judging.form.name}:{short_digest(request.judging.form.text)}"
    return {**settings, **driver_of(record).settings(request)}


def short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _left_out(record: Benchmark, key: str, settings: AskSettings) -> bool:
    """A setting that was added later and has its default: earlier scores do not have it."""
    return key in record.later_settings and getattr(settings, key) == AskSettings.model_fields[key].default
