"""A soak: run after run on one stack, and random strikes on them, drawn by seed, until there were enough.

Strikes follow one another without a wait for their effect, so that one may come while the last is being recovered from.
"""

import random
import time
from pathlib import Path

from tests.faults.evidence import Evidence
from tests.faults.kinds import KINDS
from tests.faults.stack import FaultStack, NotInTime
from tests.faults.trial import FAILED, Expect, Kind, Row, finish, new_row, resume_to_end, write_recipe

PAUSE_S = (0.2, 2.0)
"""Between two strikes, at the pace below; longer on a slower machine, or a run is never let up."""
PACE_S = 10.0  # of an undisturbed run
LASTS_S = (0.2, 2.5)
CANDIDATES = tuple(kind for kind in KINDS if kind.expect is Expect.SAME)


def soak(stack: FaultStack, folder: Path, reference: Evidence, seed: int, strikes: int, minutes: float) -> list[Row]:
    """One row for each run, with the strikes that it took."""
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
    """Whether the run had anything left to be struck."""
    try:
        with kind.fault(stack, run_id):
            stack.pass_time(lasts_s)
    except NotInTime:
        return False
    return True


def _round(
    stack: FaultStack, folder: Path, reference: Evidence, drawn: random.Random, most: int, name: str, until: float
) -> Row:
    """Until the run has ended, or the soak's time has: then the run is left to end."""
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
