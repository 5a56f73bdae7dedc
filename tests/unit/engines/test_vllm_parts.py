"""What of the vllm engine is pure: lineups, command lines, and when a server changes."""

from pathlib import Path

import pytest

from spar.engines.base import LocalModel
from spar.engines.vllm_server.command import serve_arguments, serve_environment, vllm_command
from spar.engines.vllm_server.lineup import MAX_ADAPTERS, lineup_for, look_at
from spar.engines.vllm_server.switching import Decision, Move, Policy, SwitchState, decide
from spar.errors import ModelUnusable
from spar.messages.base import EngineIdentity
from spar.recipes.models import EngineSettings, VllmSettings
from tests.unit.engines.vllm_models import write_adapter, write_model

POLICY = Policy(patience_s=100.0, idle_s=60.0, linger_s=2.0)


def test_a_model_alone_is_a_lineup_of_its_own(tmp_path: Path) -> None:
    one, two = (look_at(write_model(tmp_path, name)) for name in ("a", "b"))
    lineup = lineup_for(one, [two, one])
    assert lineup.names == ("spar-a",)
    assert lineup.serves(one)
    assert not lineup.serves(two)


def test_adapters_and_their_base_are_served_together(tmp_path: Path) -> None:
    base = write_model(tmp_path, "base")
    adapters = [look_at(write_adapter(tmp_path, name, base.path or "", rank)) for name, rank in (("a", 4), ("r", 20))]
    lineup = lineup_for(adapters[0], [adapters[1], look_at(base)])
    assert lineup.names == ("spar-base", "spar-a", "spar-r")
    assert lineup.rank == 32
    arguments = serve_arguments(EngineSettings(kind="vllm"), lineup, 1)
    assert arguments[-3:] == ["--lora-modules", f"spar-a={tmp_path / 'a'}", f"spar-r={tmp_path / 'r'}"]
    assert {"--enable-lora", "--max-loras=2", "--max-lora-rank=32"} <= set(arguments)


def test_the_oldest_adapters_make_room(tmp_path: Path) -> None:
    base = write_model(tmp_path, "base")
    known = [look_at(write_adapter(tmp_path, f"a{i}", base.path or "")) for i in range(MAX_ADAPTERS + 2)]
    lineup = lineup_for(known[-1], known)
    assert [model.fingerprint for model in lineup.adapters] == [f"a{MAX_ADAPTERS + 1}", "a0", "a1", "a2"]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda model: (model / "config.json").unlink(), "no config.json"),
        (lambda model: (model / "model.safetensors").unlink(), "no \\*.safetensors"),
        (lambda model: (model / "adapter_config.json").write_text("{}"), "has rank None"),
        (
            lambda model: (model / "adapter_config.json").write_text('{"base_model_name_or_path": "/no", "r": 8}'),
            "wants the base model /no",
        ),
    ],
)
def test_unusable_models_are_refused_before_anything_starts(spoil: object, told: str, tmp_path: Path) -> None:
    model = write_model(tmp_path, "a")
    spoil(model.path)  # type: ignore[operator]
    with pytest.raises(ModelUnusable, match=told) as caught:
        look_at(model)
    assert caught.value.fix
    with pytest.raises(ModelUnusable, match="only a name"):
        look_at(LocalModel("x", name="remote"))


def test_our_arguments_come_after_the_recipes_own(tmp_path: Path) -> None:
    vllm = VllmSettings(tensor_parallel=2, max_model_len=512, extra_args=("--host=0.0.0.0", "--quantization=fp8"))
    settings = EngineSettings(kind="vllm", dtype="bfloat16", max_batch=7, vllm=vllm)
    arguments = serve_arguments(settings, lineup_for(look_at(write_model(tmp_path, "m")), []), 123)
    assert arguments[:4] == ["serve", str(tmp_path / "m"), "--host=0.0.0.0", "--quantization=fp8"]
    assert arguments.index("--host=0.0.0.0") < arguments.index("--host=127.0.0.1")
    expected = {"--port=123", "--dtype=bfloat16", "--max-num-seqs=7", "--max-model-len=512", "--enable-prefix-caching"}
    assert expected | {"--tensor-parallel-size=2", "--generation-config=vllm"} <= set(arguments)


def test_the_server_gets_its_gpus_and_no_credentials(tmp_path: Path) -> None:
    ours = {"PATH": "/bin", "SPAR_BROKER_URL": "redis://:secret@x", "HF_TOKEN": "t", "VLLM_API_KEY": "k"}
    environment = serve_environment({"CUDA_VISIBLE_DEVICES": "GPU-1"}, tmp_path, ours)
    assert environment["PATH"] == "/bin"
    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    assert not set(ours) - {"PATH"} & set(environment)


def test_the_server_has_a_temporary_folder_of_its_own_and_keeps_what_it_compiled(tmp_path: Path) -> None:
    environment = serve_environment({}, tmp_path, {"TMPDIR": "/elsewhere"})
    assert environment["TMPDIR"] == environment["VLLM_RPC_BASE_PATH"] == str(tmp_path)
    assert not environment["TORCHINDUCTOR_CACHE_DIR"].startswith(str(tmp_path))
    told = serve_environment({}, tmp_path, {"TORCHINDUCTOR_CACHE_DIR": "/cache"})
    assert told["TORCHINDUCTOR_CACHE_DIR"] == "/cache"


def test_the_command_can_be_named() -> None:
    assert vllm_command({"SPAR_VLLM_COMMAND": "'/a b/vllm' --x"}) == ("/a b/vllm", "--x")


def test_only_what_may_change_replies_is_part_of_results() -> None:
    def kind(**vllm: object) -> str:
        return EngineIdentity.of(EngineSettings.model_validate({"kind": "vllm", "vllm": vllm})).kind

    assert kind(tensor_parallel=8, idle_s=1.0, device="cpu") == "vllm"
    assert kind(max_model_len=9, extra_args=["--quantization", "fp8"]) == "vllm --max-model-len=9 --quantization fp8"


@pytest.mark.parametrize(
    ("now", "standing", "expected"),
    [
        pytest.param(0, SwitchState(alive=False), Decision(Move.STAY), id="nobody asks, nothing runs"),
        pytest.param(0, SwitchState(alive=False, waiting_since=0), Decision(Move.START), id="the first call"),
        pytest.param(500, SwitchState(alive=True, in_flight=1), Decision(Move.STAY), id="busy"),
        pytest.param(59, SwitchState(alive=True), Decision(Move.STAY, 1), id="idle, not yet for long"),
        pytest.param(60, SwitchState(alive=True), Decision(Move.STOP), id="idle for long"),
        pytest.param(2, SwitchState(alive=True, wanted=True), Decision(Move.STOP), id="idle, and the GPUs are wanted"),
        pytest.param(9, SwitchState(alive=True, in_flight=1, wanted=True), Decision(Move.STAY), id="busy and wanted"),
        pytest.param(
            10,
            SwitchState(alive=True, in_flight=3, waiting_since=5),
            Decision(Move.STAY, 95),
            id="others wait for the busy one",
        ),
        pytest.param(
            105,
            SwitchState(alive=True, in_flight=3, waiting_since=5),
            Decision(Move.DRAIN),
            id="others waited long enough",
        ),
        pytest.param(
            105,
            SwitchState(alive=True, in_flight=3, waiting_since=5, ready_since=50),
            Decision(Move.STAY, 45),
            id="a server that just came is given its time",
        ),
        pytest.param(
            106,
            SwitchState(alive=True, draining=True, in_flight=1, waiting_since=5),
            Decision(Move.STAY),
            id="draining: those in flight end",
        ),
        pytest.param(106, SwitchState(alive=True, draining=True, waiting_since=5), Decision(Move.START), id="drained"),
        pytest.param(
            11,
            SwitchState(alive=True, quiet_since=10, waiting_since=5),
            Decision(Move.STAY, 1),
            id="a gap between two calls",
        ),
        pytest.param(
            12, SwitchState(alive=True, quiet_since=10, waiting_since=5), Decision(Move.START), id="quiet: their turn"
        ),
    ],
)
def test_when_a_server_changes(now: float, standing: SwitchState, expected: Decision) -> None:
    assert decide(now, standing, POLICY) == expected


def test_back_off_doubles_up_to_a_limit() -> None:
    assert [Policy().back_off(failures) for failures in (0, 1, 2, 3, 9)] == [0, 1, 2, 4, 30]
