"""The audit as a step: it reads what an iteration's shards judged, and tells the facts that an alarm is decided by."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.evaluation.tasks import evaluate_part
from services.generation.tasks import generate_shard
from services.judgment.tasks import judge_shard
from services.refinement.tasks import refine_shard
from spar.data.readers.verifiable_prompts import RuledPrompt
from spar.evaluation.judge_audit import Audited
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec
from spar.messages.counts import AuditCounts
from spar.messages.evaluation import Evaluate, JudgeAuditSpec
from spar.messages.generation import Generate, GenerationSpec
from spar.messages.judgment import Judge, JudgmentSpec
from spar.messages.refinement import Refine, RefinementSpec
from spar.messages.training import ShardResults
from spar.method.records import Prompt, Verdict
from spar.method.templates import builtin_templates
from spar.recipes.judge_audit import AuditSource
from spar.recipes.models import EngineSettings, GenerationSettings, JudgmentSettings, SearchSettings
from spar.runtime.steps import StepOutput, put_rows
from spar.runtime.worker import Worker
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache
from spar.worlds.story.prompts import generate_prompts

ENGINE = EngineSettings(kind="rules")
MODEL = ModelRef(fingerprint="m" * 64, location="served:teacher")


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    store = DirectoryStore(tmp_path / "store")
    cache = ModelCache(tmp_path / "models", store, 1 << 30)
    worker = Worker("audit", store, cache, tmp_path / "work", lambda report: None, heartbeat_s=3600)
    yield worker
    worker.close()


class Shards:
    """An iteration of the rules teacher, whose sampled replies are sometimes wrong, in two shards."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.templates = self.put("templates", [builtin_templates("compact")])
        texts = generate_prompts(40, 0, "selfplay")
        halves = [[Prompt.of(text) for text in texts[:20]], [Prompt.of(text) for text in texts[20:]]]
        self.rows = [self.shard(prompts) for prompts in halves]

    def put(self, name: str, rows: list[Any]) -> ObjectRef:
        return ObjectRef(key=put_rows(self.worker.store, name, name, rows))

    def do(self, spec: Spec, message: type[Any], step: Any, **more: Any) -> StepOutput:
        envelope = {"run_id": "r", "step_id": 1, "attempt": 1, "deadline_s": 60.0, "engine": ENGINE, **more}
        command = message.model_validate({**envelope, "fingerprint": spec.fingerprint(), "spec": spec})
        output: StepOutput = self.worker.loop.run(step(self.worker, command))
        return output

    def shard(self, prompts: list[Prompt]) -> ShardResults:
        scope: dict[str, Any] = {"model": MODEL, "engine": EngineIdentity.of(ENGINE), "seed": 1, "iteration": 1}
        asked = self.put("prompts", prompts)
        generation = GenerationSpec(sampling=GenerationSettings(n=3), prompts=asked, **scope)
        responses = self.put("results", list(self.do(generation, Generate, generate_shard).rows))
        judging = {**scope, "templates": self.templates, "judgment": JudgmentSettings(votes=3, quorum=2)}
        judgment = JudgmentSpec(generated=responses, **judging)
        judged = self.put("results", list(self.do(judgment, Judge, judge_shard).rows))
        refinement = RefinementSpec(judged=judged, search=SearchSettings(depth=1), **judging)
        trees = self.put("results", list(self.do(refinement, Refine, refine_shard).rows))
        return ShardResults(prompts=asked.key, judged=judged.key, trees=trees.key)

    def audit(self, rows: list[ShardResults], judge: bool = False, **more: Any) -> StepOutput:
        asked = {"judge": MODEL, "templates": self.templates, "judge_tokens": 96} if judge else {}
        none = dict.fromkeys(("rules", "judge", "templates", "judge_tokens"))
        fields = {**none, "prompts": 100, "seed": 1, "iteration": 1, **asked, **more}
        spec = JudgeAuditSpec(inputs=self.put("inputs", rows), **fields)
        return self.do(spec, Evaluate, evaluate_part, judge=ENGINE if judge else None)


@pytest.fixture
def shards(worker: Worker) -> Shards:
    return Shards(worker)


def test_all_that_was_judged_is_audited_and_counted(shards: Shards) -> None:
    output = shards.audit(shards.rows)
    items: list[Audited] = list(output.rows)
    responses = [item for item in items if item.source is AuditSource.RESPONSE]
    assert len(responses) == 40 * 3
    assert isinstance(output.counts, AuditCounts)
    found = output.counts.sources
    mine = found[AuditSource.RESPONSE]
    assert mine.items == 120
    assert mine.prompts == 40
    assert mine.followed == sum(item.good for item in responses) / 120
    assert mine.accepted == sum(item.said is Verdict.YES for item in responses) / 120
    assert found[AuditSource.REFINEMENT].items == len(items) - 120 > 0
    assert output.usage.calls == 0


def test_a_slice_is_a_part_of_the_whole_and_a_dead_shard_has_nothing(shards: Shards) -> None:
    whole, part = shards.audit(shards.rows).rows, shards.audit(shards.rows, prompts=10).rows
    assert len({item.prompt.id for item in part}) == 10
    assert all(item in whole for item in part)
    dead = ShardResults(prompts=shards.rows[1].prompts, judged=None, trees=None)
    assert {item.prompt.id for item in shards.audit([shards.rows[0], dead]).rows} < {item.prompt.id for item in whole}


def test_an_outside_judge_votes_on_each_text(shards: Shards) -> None:
    output = shards.audit(shards.rows, judge=True)
    assert output.usage.calls == len(output.rows)
    # The teacher's greedy votes are exact.
    assert all((item.outside is Verdict.YES) == item.good for item in output.rows)


def test_instructions_take_the_place_of_the_worlds_rules(shards: Shards) -> None:
    first = generate_prompts(1, 0, "selfplay")[0]
    ruled = shards.put("rules", [RuledPrompt(first, ("punctuation:no_comma",), ({},))])
    output = shards.audit(shards.rows, rules=ruled)
    assert {item.prompt.text for item in output.rows} == {first}
    assert all(item.found == (("punctuation:no_comma", True),) for item in output.rows)


def test_the_same_audit_has_the_same_name_and_another_has_not(shards: Shards) -> None:
    fields: dict[str, Any] = {"inputs": ObjectRef(key="inputs/aa"), "prompts": 9, "seed": 1, "iteration": 1}
    none = dict.fromkeys(("rules", "judge", "templates", "judge_tokens"))
    spec = JudgeAuditSpec(**fields, **none)
    assert spec.fingerprint() == JudgeAuditSpec(**fields, **none).fingerprint()
    assert spec.fingerprint() != spec.model_copy(update={"prompts": 8}).fingerprint()
