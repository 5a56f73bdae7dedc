"""The parts of a plan: the host, each part's needs, disk, refusals. Values only."""

from dataclasses import dataclass, replace

from spar.planning.call_estimates import CallEstimate
from spar.planning.init_work import InitWork
from spar.planning.measuring import MeasurementWork
from spar.planning.memory import Memory
from spar.planning.shape import Shape
from spar.planning.work import StageWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The GPUs of one host, and the bytes of memory of each; None: unknown, so nothing is refused."""

    gpus: int | None = None
    gpu_memory: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one part needs while it runs. `length` is its longest sequence in tokens, `sequences` how many of those fit
    at once (None: unknown, or no engine), `key` the recipe key of a training's settings."""

    part: str
    model: str
    gpus: int
    memory: Memory
    length: int
    sequences: int | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Bytes. `models_per_iteration`: the models that one iteration trains; `texts`: the whole run's, with measurements;
    `checkpoints` exist only during a training."""

    bases: int
    models_per_iteration: int
    texts: int
    checkpoints: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRefusal:
    part: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Share:
    """The calls of the whole run to one of: its own models, the teacher, outside judges. `money` is the most that they
    cost, without prices of hours; None: calls cost nothing."""

    who: str
    calls: CallEstimate
    money: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """`stages` groups iterations with the same settings; `whole` has all calls by their target: the run's own models,
    the teacher, outside judges."""

    recipe: str
    iterations: int
    host: Host
    needs: tuple[Need, ...]
    disk: Disk
    stages: tuple[StageWork, ...]
    measured: tuple[MeasurementWork, ...]
    whole: tuple[Share, ...]
    refusals: tuple[PlanRefusal, ...]
    notes: tuple[str, ...]
    init: InitWork | None = None
    """The work of making the starting models, once; None: they are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShapes:
    """The shapes of a recipe's models; None for a model that is only called, at an endpoint."""

    actor: Shape | None
    refiner: Shape | None


def with_gpus(host: Host, gpus: int | None, gpu_memory: int | None) -> Host:
    """The host with the given values in place of the detected ones."""
    return replace(
        host,
        gpus=host.gpus if gpus is None else gpus,
        gpu_memory=host.gpu_memory if gpu_memory is None else gpu_memory,
    )
