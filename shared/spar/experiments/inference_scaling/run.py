"""Runs a sweep for `spar decode`: opens the models and the books of their replies, and writes the report.

OUT/decode.json      the report          OUT/responses.jsonl    every text with its score
OUT/decode.html      the same as a page  OUT/calls/             the models' replies, by model
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from spar.errors import EngineError
from spar.experiments.benchmarks.job import identity_of
from spar.experiments.benchmarks.reply_cache import remembering
from spar.experiments.inference_scaling.grid import GridCell
from spar.experiments.inference_scaling.measure import measure
from spar.experiments.inference_scaling.page import render_sweep
from spar.experiments.inference_scaling.report import SweepReport
from spar.experiments.inference_scaling.sampling import CellCallback, Drawn
from spar.experiments.inference_scaling.settings import SweepSettings
from spar.experiments.inference_scaling.sources import read_source
from spar.inference.endpoints import Endpoint, OpenEndpoints, Role
from spar.inference.records import RoleModels
from spar.method.templates import TemplateSet


@dataclass(frozen=True, slots=True)
class Sweep:
    source: str
    data: Path | None
    limit: int | None
    places: Mapping[Role, Endpoint]
    templates: TemplateSet
    settings: SweepSettings
    out: Path

    @property
    def page(self) -> Path:
        return self.out / "decode.html"


def run_sweep(sweep: Sweep, on_cell: CellCallback) -> SweepReport:
    """Run all cells; `on_cell` is called after each. Raises SparError; the replies so far are kept."""
    try:
        report, drawn = asyncio.run(_measure(sweep, on_cell))
    except EngineError as error:
        fix = f"{error.fix} {sweep.out} keeps the replies so far: the same command resumes."
        raise type(error)(error.what, fix) from error
    _write(sweep, report, drawn)
    return report


async def _measure(sweep: Sweep, on_cell: CellCallback) -> tuple[SweepReport, Mapping[GridCell, Sequence[Drawn]]]:
    source = read_source(sweep.source, sweep.data, sweep.limit, sweep.settings.seed)
    with ExitStack() as books:
        async with OpenEndpoints(sweep.places.values()) as servers:
            chats = remembering(sweep.places, sweep.out, lambda role, _: servers.models[role].find, books)
            models = RoleModels(actor=chats["actor"], refiner=chats["refiner"])
            return await measure(models, chats.get("judge"), source, sweep.settings, sweep.templates, on_cell)


def _write(sweep: Sweep, report: SweepReport, drawn: Mapping[GridCell, Sequence[Drawn]]) -> None:
    models = {role: identity_of(place) for role, place in sweep.places.items()}
    with (sweep.out / "responses.jsonl").open("w", encoding="utf-8") as file:
        for cell, rows in drawn.items():
            for row in rows:
                file.write(json.dumps({**asdict(cell), **asdict(row)}) + "\n")
    text = json.dumps({"models": models, **report.as_json()}, indent=1, ensure_ascii=False)
    (sweep.out / "decode.json").write_text(text + "\n", encoding="utf-8")
    sweep.page.write_text(render_sweep(report), encoding="utf-8")
