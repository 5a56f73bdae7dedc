"""One seed at a tiny size with real models and the project's trainers: it runs, it learns, and it repeats itself."""

import os
from pathlib import Path

import pytest

from spar.errors import TrainingError
from spar.experiments.interference.results import SeedResult
from spar.experiments.interference.settings import SETTINGS, ExperimentSettings
from spar.experiments.interference.tasks import TASKS
from spar.worlds.story.stages import TinyShape

pytestmark = pytest.mark.torch

TINY = ExperimentSettings(
    start_steps=120,
    start_rate=8e-3,
    pairs=32,
    samples=3,
    epochs=3,
    rate=1e-3,
    heldout=52,
    every=4,
    start_batch=20,
    batch=8,
    shape=TinyShape(hidden=32, layers=2, heads=2, feed_forward=64, max_positions=64),
)


@pytest.fixture(scope="module")
def found() -> SeedResult:
    from spar.experiments.interference.running import run_seed

    return run_seed("characters", TINY, 3, lambda told: None)


def test_both_kinds_are_measured_from_the_same_start_at_the_same_steps(found: SeedResult) -> None:
    refined, interfering = found.curves["refined"], found.curves["interfering"]
    assert found.pairs == 32
    assert [point.step for point in refined] == [point.step for point in interfering] == [0, 4, 8, 12]
    assert refined[0] == interfering[0]
    assert all(0 <= value <= 1 for curve in found.curves.values() for point in curve for value in point.values)


def test_the_case_is_learned_from_interfering_pairs_alone(found: SeedResult) -> None:
    start = found.first(1)
    assert found.last("interfering", 1) - start > 0.1
    assert found.last("refined", 1) - start < 0.05


def test_trainings_do_not_obey_the_environments_settings_of_accelerate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spar.experiments.interference.learning import learn
    from spar.experiments.interference.models import make_model
    from spar.method.records import Pair, Prompt

    base = make_model(tmp_path / "model", TASKS["characters"].words, TINY.shape, 0)
    rows = [
        Pair(prompt=Prompt.of("3 k"), chosen="k k k", rejected="k k"),
        Pair(prompt=Prompt.of("2 j"), chosen="j j", rejected="j"),
    ]
    plain = learn(base, rows, TINY.dpo(), 1, tmp_path / "plain")
    for name in ("ACCELERATE_MIXED_PRECISION", "FSDP_VERSION", "WORLD_SIZE"):
        monkeypatch.setenv(name, "bf16" if name.endswith("PRECISION") else "2")
    other = learn(base, rows, TINY.dpo(), 1, tmp_path / "other")
    assert (other / "model.safetensors").read_bytes() == (plain / "model.safetensors").read_bytes()
    assert (os.environ["ACCELERATE_MIXED_PRECISION"], os.environ["WORLD_SIZE"]) == ("bf16", "2")


def test_a_sampler_leaves_the_models_own_randomness_alone(tmp_path: Path) -> None:
    import torch

    from spar.experiments.interference.models import Sampler, load, make_model

    words = TASKS["characters"].words
    folder = make_model(tmp_path / "model", words, TINY.shape, 0)
    model = load(folder)
    assert model.num_parameters() == TINY.parameters(len(words))
    assert SETTINGS["characters"].parameters(len(words)) == 338_976
    sampler = Sampler(folder)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first = sampler.sample(model, ["3 k", "4 j"], 5, seed=0)
    assert torch.rand(1) == expected
    assert sampler.sample(model, ["3 k", "4 j"], 5, seed=0) == first


def test_a_start_that_learned_nothing_is_refused() -> None:
    from spar.experiments.interference.running import run_seed

    with pytest.raises(TrainingError, match="start-steps"):
        run_seed("characters", TINY.changed(start_steps=1), 3, lambda told: None)
