"""Goldens: what each step makes of a known spec. A change of its bytes without a new REVISION would mix old results
with new ones, so it fails here: raise the step's REVISION in `spar.messages` and write the new values down."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from pydantic import TypeAdapter

from services.generation.tasks import generate_shard
from services.judgment.tasks import judge_shard
from services.refinement.tasks import refine_shard
from services.training.selection import select_data
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec
from spar.messages.generation import Generate, GenerationSpec
from spar.messages.judgment import Judge, JudgmentSpec
from spar.messages.refinement import Refine, RefinementSpec
from spar.messages.training import LengthLimit, Select, Selected, SelectionSpec, ShardResults
from spar.method.records import Prompt
from spar.method.templates import builtin_templates
from spar.recipes.models import (
    DpoSettings,
    EngineSettings,
    GenerationSettings,
    JudgmentSettings,
    SearchSettings,
    SelectionSettings,
    SftSettings,
)
from spar.runtime.steps import StepOutput, put_rows
from spar.runtime.worker import Worker
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache

ENGINE = EngineSettings(kind="simulated")
GOLDEN: dict[str, tuple[int, str]] = {
    "generation": (4, "9a3731710ec7f4bf"),
    "judgment": (4, "b6ee27c2dbbceb29"),
    "refinement": (4, "42a4231354ba3565"),
    "selection": (2, "9bac20667472c37c"),
}
FINGERPRINT = "cbe3e3d238656a653be3156ecb2597a66972969f3b9fd348b50c9433f638c3d0"


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    store = DirectoryStore(tmp_path / "store")
    cache = ModelCache(tmp_path / "models", store, 1 << 30)
    worker = Worker("golden", store, cache, tmp_path / "work", lambda report: None, heartbeat_s=3600)
    yield worker
    worker.close()


class Steps:
    """The steps of one shard, each on the last one's result."""

    def __init__(self, worker: Worker, folder: Path) -> None:
        self.worker = worker
        self.model = ModelRef(fingerprint="m" * 64, location="served:golden")
        self.trained = ModelRef(fingerprint="t" * 64, location=f"dir:{folder}")
        self.identity = EngineIdentity.of(ENGINE)
        self.templates = self.put("templates", [builtin_templates("spar")])
        self.prompts = self.put("prompts", [Prompt.of(f"Write about lamp {n}.") for n in range(12)])

    def put(self, name: str, rows: list[Any]) -> ObjectRef:
        return ObjectRef(key=put_rows(self.worker.store, name, name, rows))

    def do(self, spec: Spec, message: type[Any], step: Callable[[Worker, Any], Any]) -> tuple[int, str, ObjectRef]:
        envelope = {"run_id": "golden", "step_id": 1, "attempt": 1, "deadline_s": 60.0, "engine": ENGINE}
        command = message.model_validate({**envelope, "fingerprint": spec.fingerprint(), "spec": spec})
        output: StepOutput = self.worker.loop.run(step(self.worker, command))
        return spec.revision, self.digest(list(output.rows)), self.put("results", list(output.rows))

    def digest(self, rows: list[Any]) -> str:
        """Hash of the rows as JSON; of a selection, of what its keys name (keys hold the hash of compressed bytes)."""
        texts = [json.dumps(TypeAdapter(type(row)).dump_python(row, mode="json"), sort_keys=True) for row in rows]
        if isinstance(rows[0], Selected):
            keys = (rows[0].pairs_key, rows[0].examples_key, rows[0].outcomes_key)
            texts = [zstandard.decompress(self.worker.store.get(key)).decode() for key in keys]
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]

    def all(self) -> dict[str, tuple[int, str]]:
        scope: dict[str, Any] = {"engine": self.identity, "seed": 1, "iteration": 1}
        judging = {**scope, "model": self.model, "templates": self.templates, "judgment": JudgmentSettings()}
        generation = GenerationSpec(model=self.model, sampling=GenerationSettings(), prompts=self.prompts, **scope)
        *generated, responses = self.do(generation, Generate, generate_shard)
        *judged, judgments = self.do(JudgmentSpec(generated=responses, **judging), Judge, judge_shard)
        refinement = RefinementSpec(judged=judgments, search=SearchSettings(stop_when_decided=False), **judging)
        *refined, trees = self.do(refinement, Refine, refine_shard)
        shard = ShardResults(prompts=self.prompts.key, judged=judgments.key, trees=trees.key)
        selection = SelectionSpec(
            actor=self.trained,
            refiner=self.trained,
            templates=self.templates,
            selection=SelectionSettings(),
            actor_limit=LengthLimit.of(DpoSettings(kind="simulated")),
            refiner_limit=LengthLimit.of(SftSettings(kind="simulated")),
            seed=1,
            iteration=1,
            inputs=self.put("inputs", [shard]),
        )
        *selected, _ = self.do(selection, Select, select_data)
        steps = {"generation": generated, "judgment": judged, "refinement": refined, "selection": selected}
        return {name: (int(facts[0]), str(facts[1])) for name, facts in steps.items()}


def test_known_specs_give_known_results(worker: Worker, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    made = Steps(worker, model).all()
    assert made == GOLDEN


def test_a_known_spec_has_a_known_fingerprint() -> None:
    spec = GenerationSpec(
        model=ModelRef(fingerprint="m" * 64, location="served:golden"),
        engine=EngineIdentity.of(ENGINE),
        sampling=GenerationSettings(),
        seed=1,
        iteration=1,
        prompts=ObjectRef(key="prompts/" + "a" * 64),
    )
    moved = spec.model_copy(update={"model": ModelRef(fingerprint="m" * 64, location="store")})
    assert spec.fingerprint() == moved.fingerprint() == FINGERPRINT
    other = spec.model_copy(update={"seed": 2})
    assert other.fingerprint() != FINGERPRINT
