"""The two steps over the simulated teacher: what a known spec gives. If that changes, so must the step's REVISION.

(As tests/unit/messages/test_golden.py for the steps of runs.)
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from services.generation.evolving import evolve_shard, validate_shard
from spar.evolution.forms import forms_named
from spar.evolution.records import EvolutionOutcome as End
from spar.evolution.taxonomy import taxonomy_named
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef
from spar.messages.counts import EvolveCounts, ValidateCounts
from spar.messages.evolution import Evolve, EvolveSpec, Validate, ValidateSpec
from spar.method.records import Prompt
from spar.recipes.models import EngineSettings, SamplingSettings
from spar.runtime.steps import StepOutput, put_rows
from spar.runtime.worker import Worker
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache

ENGINE = EngineSettings(kind="simulated")
GOLDEN = {"evolve": (2, "1cc3c62e0b1364f0"), "validate": (2, "71668860fd1f218d")}
PROMPTS = [Prompt.of(f"Write about lamp {number}.") for number in range(40)]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    store = DirectoryStore(tmp_path / "store")
    cache = ModelCache(tmp_path / "models", store, 1 << 30)
    worker = Worker("golden", store, cache, tmp_path / "work", lambda report: None, heartbeat_s=3600)
    yield worker
    worker.close()


def _put(worker: Worker, rows: Sequence[Any]) -> ObjectRef:
    return ObjectRef(key=put_rows(worker.store, "rows", "rows", rows))


def _digest(rows: Sequence[Any]) -> str:
    texts = [json.dumps(TypeAdapter(type(row)).dump_python(row, mode="json"), sort_keys=True) for row in rows]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def test_known_specs_give_known_results(worker: Worker) -> None:
    shared: dict[str, Any] = {
        "model": ModelRef(fingerprint="m" * 64, location="served:golden"),
        "engine": EngineIdentity.of(ENGINE),
        "forms": _put(worker, [forms_named("spar")]),
        "taxonomy": _put(worker, [taxonomy_named("spar")]),
        "sampling": SamplingSettings(temperature=0.7, max_tokens=512),
        "retries": 1,
        "seed": 1,
    }
    envelope: dict[str, Any] = {"run_id": "golden", "step_id": 1, "attempt": 1, "deadline_s": 60.0, "engine": ENGINE}
    spec = EvolveSpec(prompts=_put(worker, PROMPTS), **shared)
    evolve = Evolve(fingerprint=spec.fingerprint(), spec=spec, **envelope)
    evolved: StepOutput = worker.loop.run(evolve_shard(worker, evolve))
    assert [row.prompt for row in evolved.rows] == PROMPTS
    check = ValidateSpec(evolved=_put(worker, evolved.rows), **shared)
    validate = Validate(fingerprint=check.fingerprint(), spec=check, **envelope)
    checked: StepOutput = worker.loop.run(validate_shard(worker, validate))
    passed = Counter(row.outcome for row in checked.rows)[End.EVOLVED]
    assert checked.counts == ValidateCounts(prompts=40, passed=passed)
    assert isinstance(evolved.counts, EvolveCounts)
    assert 25 < passed <= evolved.counts.evolved
    made = {"evolve": (spec.revision, _digest(evolved.rows)), "validate": (check.revision, _digest(checked.rows))}
    assert made == GOLDEN
