"""One trial of a kind of fault: submit a run, inject the fault, remove it, wait, compare. Knows no particular fault."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from textwrap import shorten
from typing import Any

import psycopg
import redis
import yaml
from sqlalchemy.exc import SQLAlchemyError

from spar.errors import SparError
from spar.messages.endings import RunEnd
from spar.messages.states import RunStatus
from tests.end_to_end.simulated import write_model
from tests.faults.evidence import Difference, Evidence, compare, evidence_of
from tests.faults.stack import FaultStack, NotInTime

PROMPTS, SHARD = 24, 4
START_S = 240.0  # for the steps that must be done before a fault; takes a second or two on two idle cores
DEADLINE_S = 120.0  # from removing the fault to the run's end; ten times what it takes on two idle cores
SLOWER = 6.0  # times the undisturbed run, if that is longer: a loaded machine is not a fault
FAILED = (NotInTime, SparError, SQLAlchemyError, psycopg.Error, redis.RedisError, OSError)
"""Errors of a single trial: they fail its row and do not end the other trials."""
RESUMES = 3
"""How often the command is repeated for a run that has stopped."""

QUIET = {
    "run_queued",
    "run_started",
    "run_resumed",
    "iteration_started",
    "iteration_finished",
    "model_unchanged",
    "run_finished",
}
QUIET |= {"guard_warned"}  # concerns the data, which are the same in every trial
"""Events of an undisturbed run; every other one is an alarm."""
SHOWN_QUIET = {f"shown {status}" for status in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.FINISHED)}
"""What the API shows of an undisturbed run."""


class Expect(StrEnum):
    """How a run with a fault must end."""

    SAME = "finished"  # without intervention, with the undisturbed bytes
    RESUMED = "finished or resumed"  # it may stop with a reason; the same command then finishes it with the same bytes
    COUNTED = "counted"  # the fault is in the data: it finishes, and lost prompts are counted


Fault = Callable[[FaultStack, str], AbstractContextManager[None]]
"""Injects the fault at the start of the block and removes it at the end; takes the stack and the run's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault. It is injected once `after` steps are done, and lasts `for_s` or until the run has ended."""

    name: str
    fault: Fault
    expect: Expect = Expect.SAME
    after: int = 5
    for_s: float = 2.0
    within_s: float = DEADLINE_S
    held: tuple[str, ...] = ()
    """Processes paused before the run is submitted, for a fault that needs their queued messages; it resumes them."""
    most_lost: int = 0
    """Prompts that a COUNTED fault may cost."""
    alarms: frozenset[str] = frozenset()
    """For a fault that outlasts an alarm's threshold: one of these must appear as an event or in the API."""

    @property
    def slug(self) -> str:
        """For names of runs and folders."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name.lower())


@dataclass(slots=True, kw_only=True)
class Row:
    """One line of the table."""

    fault: str
    ended: str
    seconds: float
    lost: int
    twice: int
    same_bytes: bool
    alarms: list[str] = field(default_factory=list)
    """Events, and what the API showed during the fault."""
    resumed: int = 0
    restarts: int = 0
    """Processes that exited on their own and were restarted."""
    strikes: list[str] = field(default_factory=list)
    """In a soak test, the kinds that were injected, in order."""
    reason: str = ""
    wrong: str = ""
    """Why the run did not end as expected; empty if it did."""

    @property
    def line(self) -> str:
        """How it ended, in one line."""
        why = shorten(self.wrong, 160)
        return f"{self.ended} in {self.seconds:.0f} s{', wrong: ' if why else ''}{why}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def new_row(fault: str, ended: str = "", wrong: str = "") -> Row:
    return Row(fault=fault, ended=ended, seconds=0.0, lost=0, twice=0, same_bytes=False, wrong=wrong)


def write_recipe(stack: FaultStack, folder: Path, name: str) -> Path:
    """A recipe that uses the model server and the simulated trainer."""
    folder.mkdir(parents=True, exist_ok=True)
    models = {role: folder / "models" / role for role in ("actor", "refiner")}
    for role, model in models.items():
        if not model.exists():
            write_model(model, role)
    recipe = {
        "name": name,
        "iterations": stack.iterations,
        "models": {role: str(model) for role, model in models.items()},
        "prompts": {"source": "world:story", "per_iteration": PROMPTS, "shard_size": SHARD},
        "generation": {"n": 3},
        "judgment": {"votes": 3},
        "search": {"branch": 2, "depth": 2},
        "engine": {"kind": "openai", "url": f"http://127.0.0.1:{stack.links.model.port}/v1", "deadline_s": 10},
        "dispatch": {"engine_wait_s": 40},
        "training": {"actor": {"kind": "simulated"}, "refiner": {"kind": "simulated"}},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def undisturbed(stack: FaultStack, folder: Path) -> Evidence:
    """A run without a fault, on the same stack."""
    stack.settle()
    began = time.monotonic()
    run_id = stack.submit(write_recipe(stack, folder, "undisturbed"), [])
    stack.wait(lambda: stack.has_ended(run_id), START_S, "the undisturbed run")
    stack.pace_s = time.monotonic() - began
    found = evidence_of(stack.database, stack.base.store, run_id)
    if found.status is not RunStatus.FINISHED or len(found.outcomes) != PROMPTS * stack.iterations:
        raise AssertionError(f"the undisturbed run is {found.status} with {len(found.outcomes)} outcomes")
    return found


def attempt(stack: FaultStack, kind: Kind, folder: Path, reference: Evidence, number: int = 0) -> Row:
    """Trial `number` of the kind. Leaves the stack repaired, with new processes if the run did not end."""
    stack.settle()
    recipe = write_recipe(stack, folder, f"{kind.slug}-{number}")
    began = time.monotonic()
    for name in kind.held:
        stack.pause(name)
    run_id = stack.submit(recipe, [])
    row = new_row(kind.name)
    try:
        _strike(stack, kind, run_id, row)
        resume_to_end(stack, kind, recipe, run_id, row)
    except FAILED as error:
        row.ended, row.wrong = "did not end", f"{type(error).__name__}: {error}"
    finish(stack, kind, run_id, reference, row, began)
    return row


def _strike(stack: FaultStack, kind: Kind, run_id: str, row: Row) -> None:
    def ready() -> bool:
        return stack.done_steps(run_id) >= kind.after or stack.has_ended(run_id)

    stack.wait(ready, max(START_S, SLOWER * stack.pace_s), f"{kind.after} steps done, before the fault")
    with kind.fault(stack, run_id):
        stack.pass_time(kind.for_s, lambda: stack.has_ended(run_id))
        if kind.alarms:
            row.alarms = [stack.shown(run_id)]


def resume_to_end(stack: FaultStack, kind: Kind, recipe: Path, run_id: str, row: Row) -> None:
    """Wait for the run's end; the same command resumes one that has stopped. Raises NotInTime."""
    within_s = max(kind.within_s, SLOWER * stack.pace_s)
    while True:
        stack.wait(lambda: stack.has_ended(run_id), within_s, "the run's end")
        run = stack.progress(run_id)
        row.ended = "" if run is None else run.status.value
        if run is None or run.status is RunStatus.FINISHED or row.resumed >= RESUMES:
            return
        row.reason = row.reason or run.reason or ""
        if not _two_sentences(run.end):
            row.wrong = f"it stopped without a reason and a fix: {run.reason}"
        row.resumed += 1
        stack.submit(recipe, [])  # the same command
        stack.wait(lambda: not stack.has_ended(run_id), within_s, "the same command to resume the run")


def _two_sentences(end: RunEnd | None) -> bool:
    return end is not None and bool(end.what.strip()) and bool(end.fix.strip())


def finish(stack: FaultStack, kind: Kind, run_id: str, reference: Evidence, row: Row, began: float) -> None:
    """Repair the stack and check what the run produced; after an unexpected end, restart all processes."""
    try:
        stack.mend()
        row.seconds = round(time.monotonic() - began, 1)
        judge(stack, kind, run_id, reference, row)
    except FAILED as error:
        row.wrong = row.wrong or f"the run cannot be read: {type(error).__name__}: {error}"
    if row.wrong:
        stack.fresh()


def judge(stack: FaultStack, kind: Kind, run_id: str, reference: Evidence, row: Row) -> None:
    found = evidence_of(stack.database, stack.base.store, run_id)
    difference = compare(found, reference)
    row.lost, row.twice, row.same_bytes = difference.lost, difference.twice, difference.same_bytes
    row.restarts = sum(len(codes) for codes in stack.ended.values())
    seen = {*row.alarms, *(event.name for event in stack.events_of(run_id))}
    row.alarms = sorted(seen - QUIET - SHOWN_QUIET)
    row.wrong = row.wrong or reason_it_is_wrong(kind, row, difference)


def reason_it_is_wrong(kind: Kind, row: Row, difference: Difference) -> str:
    if row.ended != RunStatus.FINISHED:
        return f"the run is {row.ended}: {row.reason}"
    if row.twice:
        return f"{row.twice} prompts or pairs are counted twice"
    if row.resumed and kind.expect is not Expect.RESUMED:
        return f"it stopped, although it should have finished on its own: {row.reason}"
    if kind.expect is Expect.COUNTED:
        return f"{row.lost} prompts lost" if row.lost > kind.most_lost else ""
    if row.lost:
        return f"{row.lost} prompts lost"
    if not row.same_bytes:
        return f"bytes differ, first at {difference.first}"
    return "" if not kind.alarms or kind.alarms & set(row.alarms) else f"silent: none of {sorted(kind.alarms)} showed"
