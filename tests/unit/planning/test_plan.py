"""Memory, work and refusals of whole plans, against sums by hand."""

from pathlib import Path

import pytest

from spar.planning.memory import GIB, OVERHEAD, concurrent_sequences, trainer_memory, worker_memory
from spar.planning.plan import plan_of
from spar.planning.plan_inputs import config_on_hub
from spar.planning.records import Host, ModelShapes, Plan
from spar.planning.shape import shape_of
from spar.planning.work import nodes_per_tree, stage_works
from spar.recipes.load import builtin_names, load_recipe
from spar.recipes.models import DpoSettings, EngineSettings, LaunchSettings, LoraSettings, Recipe, SearchSettings

LLAMA = shape_of(config_on_hub("meta-llama/Meta-Llama-3-8B-Instruct@any"), "llama")
COUNT = LLAMA.parameters
H100 = 80 * GIB


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "x"}\n')
    return f"prompts.source={path}"


def llama(prompts: str, *changes: str) -> Recipe:
    return load_recipe("llama3-8b", [prompts, *changes], run_here=False)


def planned(recipe: Recipe, host: Host) -> Plan:
    return plan_of(recipe, ModelShapes(actor=LLAMA, refiner=LLAMA), host)


def test_a_worker_holds_weights_and_the_cache_of_a_sequence_divided_by_its_gpus() -> None:
    engine = EngineSettings.model_validate({"kind": "vllm", "dtype": "bfloat16", "vllm": {"tensor_parallel": 2}})
    memory = worker_memory(LLAMA, engine, 8192)
    assert memory.parts == {"weights": COUNT, "kv_cache_one_sequence": 4096 * 131_072, "overhead": OVERHEAD}
    # 0.9 x 80 GiB - weights - overhead, in caches of half a GiB on each of the two GPUs; never more than max_batch.
    assert concurrent_sequences(LLAMA, engine, memory, 8192, H100) == (int(0.9 * H100) - COUNT - OVERHEAD) // (GIB // 2)
    assert concurrent_sequences(LLAMA, engine, memory, 64, H100) == 256


def test_full_fine_tuning_takes_16_bytes_a_parameter_and_fsdp_divides_them() -> None:
    alone = DpoSettings(dtype="float32", micro_batch_size=1, gradient_checkpointing=True)
    divided = alone.model_copy(update={"launch": LaunchSettings(processes=8, config="fsdp")})
    states = ("weights", "gradients", "optimizer")
    assert sum(trainer_memory(LLAMA, alone, 2).parts[name] for name in states) == 16 * COUNT
    assert sum(trainer_memory(LLAMA, divided, 2).parts[name] for name in states) == 16 * COUNT // 8
    offloaded = alone.model_copy(update={"launch": LaunchSettings(processes=8, config="zero3-offload")})
    memory = trainer_memory(LLAMA, offloaded, 2)
    assert (memory.parts["optimizer"], memory.host) == (0, (4 + 12) * COUNT)


def test_lora_holds_a_frozen_bfloat16_base_and_16_bytes_a_trained_parameter() -> None:
    memory = trainer_memory(LLAMA, DpoSettings(lora=LoraSettings(rank=16)), 2)
    parts = memory.parts
    assert parts["weights"] + parts["gradients"] + parts["optimizer"] == 2 * COUNT + 16 * 41_943_040


def test_checkpointing_keeps_a_layers_input_instead_of_all_it_computed() -> None:
    settings = DpoSettings(micro_batch_size=1)
    whole = trainer_memory(LLAMA, settings, 2).parts["activations"]
    recomputed = trainer_memory(LLAMA, settings.model_copy(update={"gradient_checkpointing": True}), 2)
    tokens, layer = 2 * 2048, LLAMA.layer_activations(2 * 2048, "bfloat16")
    assert whole == 32 * layer
    assert recomputed.parts["activations"] == 32 * tokens * 4096 * 2 + layer


@pytest.mark.parametrize(
    ("search", "bounds"),
    [
        ({"stop_when_decided": False}, (3, 15)),
        ({}, (1, 15)),
        ({"policy": "dfs", "stop_when_decided": False}, (3, 21)),
        ({"policy": "greedy", "stop_when_decided": False}, (1, 1)),
        ({"policy": "iterative", "depth": 5}, (1, 5)),
        ({"policy": "best_of_n", "branch": 8, "stop_when_decided": False}, (8, 8)),
    ],
)
def test_nodes_of_a_tree_are_bounded_by_its_policy(search: dict[str, object], bounds: tuple[int, int]) -> None:
    assert nodes_per_tree(SearchSettings.model_validate(search)) == bounds


def test_the_papers_iteration_is_50k_responses_and_250k_votes(prompts: str) -> None:
    work = stage_works(llama(prompts))[0].work
    assert (work.prompts, work.responses, work.response_votes) == (10_000, 50_000, 250_000)
    assert (work.nodes, work.node_votes) == ((0, 150_000), (0, 750_000))
    assert (work.calls.least, work.calls.most) == (60_000, 360_000)
    assert (work.actor_steps_at_most, work.refiner_steps_at_most) == (313, 149 * 5)


def test_the_papers_run_fits_eight_h100(prompts: str) -> None:
    plan = planned(llama(prompts), Host(gpus=8, gpu_memory=H100))
    assert plan.refusals == ()
    assert [need.part for need in plan.needs] == [
        "generation", "judgment", "refinement", "train actor", "train refiner",
    ]  # fmt: skip
    # Two bfloat16 models an iteration, in the store and in the cache; two checkpoints of weights and optimizer.
    assert plan.disk.models_per_iteration == 2 * 2 * 2 * COUNT
    assert plan.disk.checkpoints == 2 * 12 * COUNT


def test_full_fine_tuning_on_one_gpu_is_refused_with_what_would_fit(prompts: str) -> None:
    alone = [f"training.{role}.launch.{key}" for role in ("actor", "refiner") for key in ("processes=1", "config=none")]
    plan = planned(llama(prompts, *alone), Host(gpus=1, gpu_memory=H100))
    actor, refiner = plan.refusals
    assert (actor.part, refiner.part) == ("train actor", "train refiner")
    assert "needs 139.7 GiB a GPU, and has 80.0 GiB" in actor.what
    options = [word for word in actor.fix.rstrip(".").split() if "=" in word]
    assert "training.actor.lora.rank=16" in options
    again = planned(llama(prompts, *alone, *options), Host(gpus=1, gpu_memory=H100))
    assert [refusal.part for refusal in again.refusals] == ["train refiner"]
    assert any("single-gpu.yml" in note for note in again.notes)


def test_more_gpus_make_the_fix_a_division(prompts: str) -> None:
    alone = [f"training.{role}.launch.{key}" for role in ("actor", "refiner") for key in ("processes=1", "config=none")]
    plan = planned(llama(prompts, *alone), Host(gpus=8, gpu_memory=H100))
    assert "--set training.actor.launch.config=fsdp" in plan.refusals[0].fix


def test_a_model_too_large_for_a_gpu_is_refused_with_a_width(prompts: str) -> None:
    plan = planned(llama(prompts), Host(gpus=8, gpu_memory=16 * GIB))
    generation = plan.refusals[0]
    assert generation.part == "generation"
    assert "tensor_parallel=2" in generation.fix


def test_more_processes_than_gpus_are_refused(prompts: str) -> None:
    whats = [refusal.what for refusal in planned(llama(prompts), Host(gpus=2, gpu_memory=H100)).refusals]
    assert whats == ["needs 8 GPUs, and there are 2"] * 2


def test_without_a_known_gpu_nothing_is_refused(prompts: str) -> None:
    plan = planned(llama(prompts), Host())
    assert plan.refusals == ()
    assert any("not checked against a host" in note for note in plan.notes)
    assert all(need.sequences is None for need in plan.needs)


def test_adapters_share_a_base_and_make_small_models(prompts: str) -> None:
    kept = [f"training.{role}.lora.merge=false" for role in ("actor", "refiner")]
    whole = [f"training.{role}.launch.config=none" for role in ("actor", "refiner")]
    plan = planned(llama(prompts, *kept, *whole), Host(gpus=8, gpu_memory=H100))
    assert plan.needs[0].memory.parts["adapters"] == 2 * 2 * 41_943_040
    assert plan.disk.models_per_iteration == 2 * 2 * 4 * 41_943_040


@pytest.mark.parametrize("name", [name for name in builtin_names() if name not in ("spar", "endpoint")])
def test_every_built_in_recipe_can_be_planned(name: str, prompts: str) -> None:
    models = [f"models.{role}=hub:Qwen/Qwen3-0.6B@c1899de" for role in ("actor", "refiner")] if "qwen" in name else []
    source = [] if name in ("demo", "no_refinement", "no_tree_search") else [prompts]
    assert planned(load_recipe(name, [*models, *source], run_here=False), Host()).needs


def test_an_endpoint_without_training_needs_no_gpu_and_is_not_warned_of_any(prompts: str) -> None:
    served = ["models.actor=served:a", "models.refiner=served:r", "engine.url=http://localhost:1/v1"]
    plan = plan_of(load_recipe("endpoint", [*served, prompts]), ModelShapes(actor=None, refiner=None), Host())
    assert (plan.needs, plan.refusals, plan.disk.models_per_iteration) == ((), (), 0)
    assert (plan.stages[0].work.actor_steps_at_most, plan.stages[0].work.refiner_steps_at_most) == (0, 0)
    assert [note.partition(":")[0] for note in plan.notes] == ["Nothing is trained (training"]


def test_memory_is_that_of_the_most_demanding_stage_and_only_what_trains_is_planned(prompts: str) -> None:
    stage = (
        "stages=[{iterations: [1], judgment: {max_tokens: 8}, training: {train_refiner: false, actor: {epochs: 2}}}]"
    )
    plan = planned(llama(prompts, "iterations=2", stage), Host(gpus=8, gpu_memory=H100))
    assert [need.part for need in plan.needs if need.part.startswith("train")] == [
        "train actor", "train actor from 2", "train refiner",
    ]  # fmt: skip
    assert plan.needs[1].length == planned(llama(prompts), Host(gpus=8, gpu_memory=H100)).needs[1].length
    schooled = planned(
        llama(prompts, "init.teacher.model=served:t", "init.refiner.max_length=8192"), Host(gpus=1, gpu_memory=H100)
    )
    names = ["train init actor", "train init refiner", "train actor", "train refiner"]
    assert [need.part for need in schooled.needs if need.part.startswith("train")] == names
    assert [refusal.part for refusal in schooled.refusals] == names
    assert "init.refiner.lora.rank" in schooled.refusals[1].fix
    kept = planned(llama(prompts, "training.train_refiner=false"), Host(gpus=8, gpu_memory=H100))
    assert [need.part for need in kept.needs if need.part.startswith("train")] == ["train actor"]
