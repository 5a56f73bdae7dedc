"""Finds the model of a run to export, and the run's measurements of it. Writes nothing."""

from importlib import metadata

from sqlmodel import Session

from spar.db.tables import Iteration
from spar.errors import DataError
from spar.export.facts import CardFacts, RunFacts
from spar.messages.base import ModelRef
from spar.report.headline import MEASURES
from spar.report.measures import REPORTED, of, rate
from spar.report.model import Role
from spar.report.reader import RunReader
from spar.store.base import ObjectStore


def read_model_facts(
    session: Session, store: ObjectStore, run_id: str, role: Role, iteration: int | None
) -> tuple[RunFacts, CardFacts, ModelRef]:
    """The model of that iteration, or of the newest that trained the role. Raises DataError if there is none."""
    reader = RunReader(session, store, run_id)
    found = {row.index: after for row in reader.iterations() if (after := _trained(row, role)) is not None}
    wanted = max(found, default=None) if iteration is None else iteration
    if wanted is None or wanted not in found:
        which = "" if iteration is None else f" in iteration {iteration}"
        have = (
            f"Iterations that trained it: {', '.join(map(str, found))}." if found else "See its progress: spar status."
        )
        raise DataError(f"Run {run_id} has trained no {role}{which}.", have)
    run, model = reader.run, reader.model(found[wanted])
    facts = RunFacts(
        run_id=run.id, status=run.status.value, recipe=run.recipe, start=run.models, version=metadata.version("spar")
    )
    base = str(run.recipe["models"].get(role) or run.recipe["models"]["actor"])
    ref = ModelRef(fingerprint=model.fingerprint, location=model.location)
    measures = tuple(_measures(reader, role, wanted))
    return (
        facts,
        CardFacts(
            role=role,
            iteration=wanted,
            fingerprint=model.fingerprint,
            parent=model.parent,
            base=base,
            adapter=False,
            measures=measures,
        ),
        ref,
    )


def _trained(row: Iteration, role: Role) -> str | None:
    """The role's model after the iteration; None if the iteration kept it, or has not trained it yet."""
    before, after = (row.actor, row.actor_after) if role == "actor" else (row.refiner, row.refiner_after)
    return after if after != before else None


def _measures(reader: RunReader, role: Role, iteration: int) -> list[tuple[str, float, float]]:
    """Name, rate at the start, rate after the iteration, for measures that have both."""
    start, now = (reader.items(reader.done_steps(index)) for index in (0, iteration))
    found = []
    for measure, name in REPORTED.items():
        if not name.startswith(role):
            continue
        before, after = rate(of(start, measure))[0], rate(of(now, measure))[0]
        if before is not None and after is not None:
            found.append((MEASURES[name], before, after))
    return found
