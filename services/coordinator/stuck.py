"""Whether a run is stuck, and why: one rule over which steps are open, which workers run, and what responds. Pure.

A run is stuck when steps are open and none has ended for long. A step that a worker is running is no standstill: some
take hours, and deadlines end those that take too long. It is one where something that the worker needs does not
respond.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from spar.messages.base import StepKind
from spar.messages.stuck import StuckCause
from spar.runtime.app import QUEUES
from spar.runtime.census import SeenWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """Why no step ends: `what` happens, and the `fix`."""

    cause: StuckCause
    what: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is known of a run. `quiet`: how long no step has ended.

    Steps by kind: `ready` to be sent, `sent` and not started, `running` with a lease. `paused`: kinds whose engine
    fails, with the resulting standstill. `unanswering`: what the coordinator itself could not reach. `workers` None:
    they are in this process.
    """

    quiet: timedelta
    ready: Mapping[StepKind, int] = field(default_factory=dict)
    sent: Mapping[StepKind, int] = field(default_factory=dict)
    running: Mapping[StepKind, int] = field(default_factory=dict)
    paused: Mapping[StepKind, Standstill] = field(default_factory=dict)
    unanswering: Sequence[Standstill] = ()
    workers: Sequence[SeenWorker] | None = None
    version: str = ""

    @property
    def open(self) -> bool:
        return any(sum(counts.values()) for counts in (self.ready, self.sent, self.running))


def standstill(scene: Scene, patience: timedelta) -> Standstill | None:
    """None: the run makes progress, or still may."""
    if not scene.open or scene.quiet < patience:
        return None
    if scene.unanswering:
        return scene.unanswering[0]
    for kind, paused in scene.paused.items():
        if scene.ready.get(kind, 0) + scene.sent.get(kind, 0) + scene.running.get(kind, 0):
            return paused
    if sum(scene.running.values()):
        return None
    return _nobody_begins(scene) or Standstill(
        cause=StuckCause.UNKNOWN,
        what="no step ends though steps are open, and all that they need answers",
        fix="Read the coordinator's and the workers' logs, then restart them: nothing that was done is lost.",
    )


def _nobody_begins(scene: Scene) -> Standstill | None:
    if scene.workers is None:
        return None
    for kind in (kind for kind, sent in scene.sent.items() if sent):
        queue = QUEUES[kind]
        there = [worker for worker in scene.workers if queue in worker.queues]
        if not there:
            return Standstill(
                cause=StuckCause.NO_WORKER,
                what=f"no worker consumes {queue}",
                fix=f"Start a {queue} worker, or continue one that is paused: the run then resumes by itself.",
            )
        versions = sorted({worker.version or "an older one" for worker in there})
        if scene.version not in versions:
            return Standstill(
                cause=StuckCause.OTHER_VERSION,
                what=f"the workers that consume {queue} are of another version ({', '.join(versions)}) than the "
                f"coordinator ({scene.version})",
                fix=f"Start {queue} workers of version {scene.version}: the run then resumes by itself.",
            )
    return None
