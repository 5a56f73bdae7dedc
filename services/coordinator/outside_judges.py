"""An outside judge as a step's message names it: by what its server knows it as, and where that server is."""

import hashlib
import json

from spar.messages.base import ModelRef
from spar.recipes.models import EngineSettings, JudgeSettings


def judge_model(judge: JudgeSettings | None) -> ModelRef | None:
    """By the name that its server knows; with other fields in its requests it is another one."""
    if judge is None:
        return None
    served = f"served:{judge.model}"
    body = json.dumps(judge.body, sort_keys=True) if judge.body else ""
    return ModelRef(fingerprint=hashlib.sha256(f"{served}{body}".encode()).hexdigest(), location=served)


def judge_engine(judge: JudgeSettings | None) -> EngineSettings | None:
    if judge is None:
        return None
    return EngineSettings(kind="openai", url=judge.url, body=judge.body, headers=judge.headers)
