"""How a step's message names an outside judge: by its name at its server, and the server's address."""

import hashlib
import json

from spar.messages.base import ModelRef
from spar.recipes.models import EngineSettings, JudgeSettings


def judge_model(judge: JudgeSettings | None) -> ModelRef | None:
    """Named as at its server; with other fields in its requests it is another model."""
    if judge is None:
        return None
    served = f"served:{judge.model}"
    body = json.dumps(judge.body, sort_keys=True) if judge.body else ""
    return ModelRef(fingerprint=hashlib.sha256(f"{served}{body}".encode()).hexdigest(), location=served)


def judge_engine(judge: JudgeSettings | None) -> EngineSettings | None:
    if judge is None:
        return None
    return EngineSettings(kind="openai", url=judge.url, body=judge.body, headers=judge.headers)
