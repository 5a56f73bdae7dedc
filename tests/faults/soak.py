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
"""Between two strikes."""
LASTS_S = (0.2, 2.5)
CANDIDATES = tuple(kind for kind in KINDS if kind.expect is Expect.SAME)


def soak(stack: FaultStack, folder: Path, reference: Evidence, seed: int, strikes: int, minutes: float) -> list[Row]:
    """One row for each run; the strikes that it took are in its name."""
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
        row, count = _round(stack, folder, reference, drawn, strikes - struck, name)
        struck += count
        rows.append(row)
        print(f"{name}: {row.fault} {row.ended} in {row.seconds:.0f} s; {struck} strikes {row.wrong}", flush=True)
    return rows


def _strike(stack: FaultStack, kind: Kind, run_id: str, lasts_s: float) -> int:
    """How many strikes that was: none where the run had nothing left to be struck."""
    try:
        with kind.fault(stack, run_id):
            stack.pass_time(lasts_s)
    except NotInTime:
        return 0
    return 1


def _round(
    stack: FaultStack, folder: Path, reference: Evidence, drawn: random.Random, most: int, name: str
) -> tuple[Row, int]:
    stack.settle()
    recipe = write_recipe(stack, folder, name)
    began = time.monotonic()
    run_id = stack.submit(recipe, [])
    row = new_row("soak")
    count = 0
    kind = Kind(name="soak", fault=CANDIDATES[0].fault, expect=Expect.RESUMED)
    try:
        while count < most and not stack.has_ended(run_id):
            stack.pass_time(drawn.uniform(*PAUSE_S), lambda: stack.has_ended(run_id))
            count += _strike(stack, drawn.choice(CANDIDATES), run_id, drawn.uniform(*LASTS_S))
            stack.mend()
        resume_to_end(stack, kind, recipe, run_id, row)
    except FAILED as error:
        row.ended, row.wrong = "did not end", f"{type(error).__name__}: {error}"
    finish(stack, kind, run_id, reference, row, began)
    row.fault = f"soak: {count} strikes"
    return row, count
