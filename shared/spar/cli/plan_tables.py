"""Prints a plan: needs of each part, work of an iteration, measurements, the whole run. Computes nothing."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from spar.cli.console import out, print_warning
from spar.cli.tables import print_wide
from spar.planning.call_estimates import CallEstimate, added
from spar.planning.init_work import InitWork
from spar.planning.measuring import MeasurementWork
from spar.planning.memory import GIB
from spar.planning.records import Need, Plan, Share
from spar.planning.work import IterationWork, StageWork


def print_plan(found: Plan) -> None:
    """Print the plan as tables: needs of each worker, calls and tokens by stage, trainings, disk, warnings."""
    if found.needs:
        _print_needs(found.needs)
    _print_stages(found.stages, found.iterations)
    if found.init is not None:
        _print_init(found.init)
    if found.measured:
        _print_measured(found.measured)
    _print_whole(found.whole)
    disk = found.disk
    parts = f"bases {gib(disk.bases)}, models of an iteration {gib(disk.models_per_iteration)}"
    parts += f", texts {gib(disk.texts)}, checkpoints {gib(disk.checkpoints)}"
    out.print()
    out.print(f"Disk in total: at most {gib(disk.total)} GiB ({parts}).", soft_wrap=True)
    for note in found.notes:
        print_warning(note)


def _table(*columns: str) -> Table:
    """The first column names a row; the others are numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    return table


def _print(table: Table) -> None:
    out.print()
    print_wide(table)


def _print_needs(needs: Sequence[Need]) -> None:
    table = Table("part", "GPUs", "GiB per GPU", "of which", "host GiB", "tokens", "at once", box=None, pad_edge=False)
    for need in needs:
        parts = ", ".join(f"{name} {gib(size)}" for name, size in need.memory.parts.items() if size)
        table.add_row(
            *(Text(cell) for cell in (need.part, str(need.gpus), gib(need.memory.total), parts)),
            *(Text(cell) for cell in (gib(need.memory.host), f"{need.length:,}", _or_dash(need.sequences))),
        )
    print_wide(table)


def _print_stages(stages: Sequence[StageWork], iterations: int) -> None:
    names = [_iterations(stage.iterations, iterations) for stage in stages]
    table = _table(names[0] if len(stages) == 1 else "each iteration", *([""] if len(stages) == 1 else names))
    rows = [_work_cells(stage.work) for stage in stages]
    for label in rows[0]:
        table.add_row(Text(label), *(Text(cells[label]) for cells in rows))
    _print(table)


def _iterations(numbers: Sequence[int], of: int) -> str:
    if len(numbers) == of:
        return f"each of {of} iterations"
    return ("iteration " if len(numbers) == 1 else "iterations ") + ", ".join(map(str, numbers))


def _work_cells(work: IterationWork) -> dict[str, str]:
    estimate = work.calls
    trees = f"{work.trees[1]:,} of {work.nodes_per_tree[0]} to {work.nodes_per_tree[1]} nodes" if work.trees[1] else "–"
    return {
        "responses": f"{work.responses:,}",
        "votes on responses": _some(work.response_votes),
        "comparisons, at most": _some(work.comparisons),
        "trees, at most": trees,
        "votes on nodes, at most": _some(work.node_votes[1]),
        "calls": _calls(estimate),
        "tokens written, at most": _some(estimate.written),
        "training steps, at most": _training_steps(work),
    }


def _training_steps(work: IterationWork) -> str:
    steps = {"actor": work.actor_steps_at_most, "refiner": work.refiner_steps_at_most}
    return ", ".join(f"{number:,} ({role})" for role, number in steps.items() if number) or "none"


def _print_init(work: InitWork) -> None:
    """Once, before the first iteration."""
    steps = {role: each for role, each in (("actor", work.actor), ("refiner", work.refiner)) if each is not None}
    prompts = ", ".join(f"{each.prompts:,} ({role})" for role, each in steps.items())
    table = _table("starting models", "")
    rows = [
        ("prompts", prompts or "none: both data sets are given"),
        ("teacher's calls", _calls(work.teacher)),
        ("teacher's tokens written, at most", _some(work.teacher.written)),
        ("own calls", _calls(work.own)),
        ("own tokens written, at most", _some(work.own.written)),
    ]
    for label, value in rows:
        table.add_row(Text(label), Text(value))
    _print(table)


def _print_measured(measured: Sequence[MeasurementWork]) -> None:
    judges = any(each.judge.most for each in measured)
    table = _table("measured", "items", "times", "calls", "tokens written, at most")
    for name in ("outside judge's calls", "its tokens, at most") if judges else ():
        table.add_column(name, justify="right", no_wrap=True)
    for each in measured:
        cells = [f"{each.items:,}", str(each.times), _calls(each.own), _some(each.own.written)]
        cells += [_calls(each.judge), _some(each.judge.written)] if judges else []
        table.add_row(Text(each.name), *(Text(cell) for cell in cells))
    _print(table)


def _print_whole(whole: Sequence[Share]) -> None:
    paid = any(share.money is not None for share in whole)
    table = _table("the whole run", "calls", "tokens read, at most", "tokens written, at most")
    if paid:
        table.add_column("money, at most", justify="right", no_wrap=True)
    rows: list[tuple[str, CallEstimate, float | None]] = [(share.who, share.calls, share.money) for share in whole]
    if len(whole) > 1:
        money = sum(share.money or 0.0 for share in whole)
        rows.append(("total", added([share.calls for share in whole]), money if paid else None))
    for who, estimate, cost in rows:
        cells = [_calls(estimate), _some(estimate.read), _some(estimate.written)]
        cells += [f"{cost:,.2f}"] if cost is not None else []
        table.add_row(Text(who), *(Text(cell) for cell in cells))
    _print(table)
    out.print(
        "At most: every possible call, each reply at its token limit, each prompt a long one"
        + (", without prices of hours." if paid else "."),
        style="dim",
        soft_wrap=True,
    )


def _calls(estimate: CallEstimate) -> str:
    if not estimate.most:
        return "–"
    return f"{estimate.most:,}" if estimate.least == estimate.most else f"{estimate.least:,} to {estimate.most:,}"


def _some(number: int) -> str:
    return f"{number:,}" if number else "–"


def gib(size: int) -> str:
    return f"{size / GIB:,.1f}" if size >= GIB // 10 else f"{size / GIB:.3f}"


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)
