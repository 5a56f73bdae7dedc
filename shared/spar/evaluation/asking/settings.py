"""What was asked and how, as the settings that are kept beside a score: whatever would change it.

Knows no scores.
"""

import hashlib
import json

from spar.evaluation.asking.base import BenchmarkRequest
from spar.evaluation.asking.followbench import judge_template
from spar.evaluation.judging import VERDICT
from spar.method.defaults import TEMPERATURE
from spar.recipes.benchmarks import USES
from spar.recipes.models import AskSettings

REVISION = 1
"""Of the asking halves: raised when the same models would be asked something else."""


def settings_of(name: str, job: BenchmarkRequest) -> dict[str, str | int]:
    """The models and engines, the templates by their text, and the settings that the benchmark uses."""
    uses = USES[name].settings if name in USES else ()
    uses = tuple(key for key in uses if not _left_out(name, key, job.settings))
    asking = job.settings.model_dump(mode="json", include={"limit", *uses}, exclude_none=True)
    told = {key: v if isinstance(v, int) else json.dumps(v, sort_keys=True) for key, v in asking.items()}
    settings: dict[str, str | int] = {"asking_revision": REVISION, "seed": job.seed, **job.about, **told}
    settings["temperature"] = str(TEMPERATURE if "votes" in uses and job.settings.votes > 1 else 0.0)
    if name not in ("ifeval", "followbench") or job.search is not None:
        settings["templates"] = f"{job.templates.name}:{_digest(job.templates.judge + chr(0) + job.templates.refine)}"
    if name == "llmbar" and job.judging.name != VERDICT:
        settings["policy"] = f"{job.judging.name} {json.dumps(job.judging.all_options, sort_keys=True)}"
        if job.judging.form is not None:
            settings["form"] = f"{job.judging.form.name}:{_digest(job.judging.form.text)}"
    if name == "followbench" and job.judge is not None:
        settings["judge_template"] = _digest(judge_template().template)
    return settings


def _left_out(name: str, key: str, settings: AskSettings) -> bool:
    """A setting of later origin that has its default."""
    return key in USES[name].later and getattr(settings, key) == AskSettings.model_fields[key].default


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
