"""What a check of a run found: what is wrong, where, how to mend it, and what mends it by itself. Finds nothing."""

from dataclasses import dataclass
from enum import StrEnum


class Check(StrEnum):
    """The invariants that are checked."""

    SCHEMA = "schema"  # the database has this version's tables, and the migrations one head
    OUTCOMES = "outcomes"  # every prompt of an iteration has one outcome
    STEPS = "steps"  # no step, iteration or run is in an impossible state
    COUNTERS = "counters"  # the counts of steps equal the steps
    OBJECTS = "objects"  # every object that a row names is there with its bytes
    MODELS = "models"  # every model is there, whole
    ORPHANS = "orphans"  # no object that nothing names
    DISK = "disk"  # there is room


class Remedy(StrEnum):
    """What can be done without losing anything."""

    NONE = "none"
    UPGRADE = "upgrade"
    REBOOK = "rebook"  # read the outcomes again from the selection's result
    RECOUNT = "recount"
    RECUT = "recut"  # write the shards' prompts again
    RECOMPUTE = "recompute"  # have the step compute its result again
    RECLAIM = "reclaim"  # remove objects that nothing names


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`iteration`, `step` and `keys` say what a remedy works on."""

    check: Check
    what: str
    where: str
    fix: str
    remedy: Remedy = Remedy.NONE
    iteration: int = 0
    step: int = 0
    keys: tuple[str, ...] = ()
