"""Which models one server serves together: a base with adapters on it, or a model alone. Reads directories' configs.

Knows nothing of processes. A served name contains the fingerprint, so that no call can reach the wrong weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spar.checkpoints.architecture import check_architecture
from spar.checkpoints.headers import check_adapter_weights
from spar.engines.base import LocalModel
from spar.engines.generation_defaults import warn_of_unused_defaults
from spar.errors import ModelUnusable
from spar.lora import adapter_config, base_folder, is_adapter

MAX_ADAPTERS = 4  # actor and refiner, and those of the previous iteration; each costs some GPU memory
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # the values that vLLM accepts; it pads to the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class Servable:
    """A model directory that was checked. `base` is the directory whose weights are loaded; `rank` 0: no adapter."""

    fingerprint: str
    path: Path
    base: Path
    rank: int = 0

    @property
    def name(self) -> str:
        return f"spar-{self.fingerprint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineup:
    """The models that a server is started with."""

    base: Path
    plain: tuple[Servable, ...]
    adapters: tuple[Servable, ...]

    @property
    def models(self) -> tuple[Servable, ...]:
        return (*self.plain, *self.adapters)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(model.name for model in self.models)

    @property
    def rank(self) -> int:
        """The largest rank to allocate for, rounded up to one that vLLM accepts."""
        wanted = max(adapter.rank for adapter in self.adapters)
        return next(rank for rank in _RANKS if rank >= wanted)

    def serves(self, model: Servable) -> bool:
        return model in self.models


def lineup_for(wanted: Servable, known: Sequence[Servable]) -> Lineup:
    """The lineup that serves `wanted`, and with it the `known` models (most recent first) on the same base."""
    others = [model for model in known if model.base == wanted.base and model != wanted]
    adapters = [model for model in (wanted, *others) if model.rank][:MAX_ADAPTERS]
    plain = [model for model in (wanted, *others) if not model.rank]
    return Lineup(base=wanted.base, plain=tuple(plain), adapters=tuple(adapters))


def look_at(model: LocalModel) -> Servable:
    """Check that the files exist which vLLM will read. Blocks; raises ModelUnusable."""
    if model.path is None:
        raise ModelUnusable(
            f"The model {model.name or model.fingerprint} is only a name at a remote endpoint.",
            "Set engine.url to that endpoint, or give the model as a directory, builtin:NAME or hub:ID@REVISION.",
        )
    path = model.path.resolve()
    if is_adapter(path):
        return _adapter(model.fingerprint, path)
    _require_weights(path)
    return Servable(fingerprint=model.fingerprint, path=path, base=path)


def _adapter(fingerprint: str, path: Path) -> Servable:
    rank = adapter_config(path).get("r")
    if not isinstance(rank, int) or not 1 <= rank <= _RANKS[-1]:
        raise ModelUnusable(f"The adapter {path} has rank {rank}.", f"vLLM takes adapters of rank 1 to {_RANKS[-1]}.")
    if not any(path.glob("*.safetensors")):
        raise ModelUnusable(f"The adapter {path} has no *.safetensors.", "Save the adapter with peft again.")
    base = base_folder(path)
    _require_weights(base)
    check_adapter_weights(path, base)
    return Servable(fingerprint=fingerprint, path=path, base=base, rank=rank)


def _require_weights(path: Path) -> None:
    missing = [name for name in ("config.json", "*.safetensors") if not any(path.glob(name))]
    if missing:
        raise ModelUnusable(
            f"The model directory {path} does not exist, or has no {' and no '.join(missing)}.",
            "Give a directory that holds a whole model as transformers saves it.",
        )
    warn_of_unused_defaults(path)
    check_architecture(path)  # vLLM serves a model that lacks a tensor without a warning
