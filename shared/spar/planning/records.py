"""What a plan is made of: the host, each part's need, disk, refusals. Values only."""

from dataclasses import dataclass, replace

from spar.planning.asked import CallEstimate
from spar.planning.init_work import InitWork
from spar.planning.measuring import MeasurementWork
from spar.planning.memory import Memory
from spar.planning.shape import Shape
from spar.planning.work import StageWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What is there: GPUs of one host, and bytes of memory of each; None: not known, so nothing is refused."""

    gpus: int | None = None
    gpu_memory: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one part needs while it runs. `length` is tokens of its longest sequence, `sequences` how many of those fit
    at once (None: not known, or no engine), `key` where a recipe has a training's settings."""

    part: str
    model: str
    gpus: int
    memory: Memory
    length: int
    sequences: int | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Bytes. `models_per_iteration` are those that one trains, `texts` the whole run's, measurements included;
    `checkpoints` last while a training does."""

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
    """What one of those who are asked is asked for, in the whole run. `money` is the most that its calls cost, hours
    left out; None: calls cost nothing."""

    who: str
    asked: CallEstimate
    money: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """`stages` are iterations that are set alike; `whole` is everything, by who is asked: the run's own models, the
    teacher, outside judges."""

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
    """What the starting models take, once; None: they are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShapes:
    """The shapes of what a recipe names; None for a model that is only asked, at an endpoint."""

    actor: Shape | None
    refiner: Shape | None


def with_gpus(host: Host, gpus: int | None, gpu_memory: int | None) -> Host:
    """What was told over what was found."""
    return replace(
        host,
        gpus=host.gpus if gpus is None else gpus,
        gpu_memory=host.gpu_memory if gpu_memory is None else gpu_memory,
    )
