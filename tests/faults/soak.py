"""The soak test: runs on one stack, one after another, with random faults drawn by seed, up to a given number.

Faults follow one another without waiting for their effect, so one may occur while the system recovers from the last.
"""

import random
import time
from pathlib import Path

from tests.faults.evidence import Evidence
from tests.faults.kinds import KINDS
from tests.faults.stack import FaultStack, NotInTime
from tests.faults.trial import FAILED, Expect, Kind, Row, finish, new_row, resume_to_end, write_recipe

PAUSE_S = (0.2, 2.0)
"""Between two faults, at the pace below; longer on a slower machine, where a run would otherwise never recover."""
PACE_S = 10.0  # of an undisturbed run
LASTS_S = (0.2, 2.5)
CANDIDATES = tuple(kind for kind in KINDS if kind.expect is Expect.SAME)


def soak(stack: FaultStack, folder: Path, reference: Evidence, seed: int, strikes: int, minutes: float) -> list[Row]:
    """One row per run, with the faults that were injected."""
    drawn = random.Random(seed)
    until = time.monotonic() + minutes * 60
    rows: list[Row] = []
    struck = 0
    while struck < strikes:
        name = f"soak-{seed}-{len(rows)}"
        if time.monotonic() > until:
            late = f"{struck} of {strikes} strikes within {minutes:g} minutes"
            rows.append(new_row("soak", ended="out of time", wrong=late))
            break
        row = _round(stack, folder, reference, drawn, strikes - struck, name, until)
        struck += len(row.strikes)
        rows.append(row)
        print(f"{name}: {row.fault}, {row.line}; {struck} so far", flush=True)
    return rows


def _struck(stack: FaultStack, kind: Kind, run_id: str, lasts_s: float) -> bool:
    """Whether the fault found anything to act on."""
    try:
        with kind.fault(stack, run_id):
            stack.pass_time(lasts_s)
    except NotInTime:
        return False
    return True


def _round(
    stack: FaultStack, folder: Path, reference: Evidence, drawn: random.Random, most: int, name: str, until: float
) -> Row:
    """Inject faults until the run has ended or the time is up; then let the run end."""
    stack.settle()
    slower = max(1.0, stack.pace_s / PACE_S)
    recipe = write_recipe(stack, folder, name)
    began = time.monotonic()
    run_id = stack.submit(recipe, [])
    row = new_row("soak")
    kind = Kind(name="soak", fault=CANDIDATES[0].fault, expect=Expect.RESUMED)
    try:
        while len(row.strikes) < most and time.monotonic() < until and not stack.has_ended(run_id):
            stack.pass_time(slower * drawn.uniform(*PAUSE_S), lambda: stack.has_ended(run_id))
            strike, lasts_s = drawn.choice(CANDIDATES), drawn.uniform(*LASTS_S)
            if _struck(stack, strike, run_id, lasts_s):
                row.strikes.append(strike.name)
            stack.mend()
        resume_to_end(stack, kind, recipe, run_id, row)
    except FAILED as error:
        row.ended, row.wrong = "did not end", f"{type(error).__name__}: {error}"
    finish(stack, kind, run_id, reference, row, began)
    row.fault = f"soak: {len(row.strikes)} strikes"
    return row
