"""Checks of the store against the database: objects that rows name are there as written, and objects that are there are
named.

Reads only. A failed read is no lost object: what looks lost is read again before it counts.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError
from sqlmodel import Session, col, select

from spar.checkpoints.headers import check_weights
from spar.db.progress import run_ids
from spar.db.tables import Command, Model, StoredResult
from spar.errors import ModelUnusable, ObjectLost
from spar.lora import is_adapter
from spar.messages.base import StepKind
from spar.messages.coordinator import StepFinished
from spar.store.base import ObjectStore
from spar.store.model_files import fetch_model_file, read_model_manifest
from spar.store.results import RUN_REPORTS, get_verified
from spar.upkeep.findings import Check, Finding, Remedy
from spar.upkeep.named import BLOB, MODEL, named_by, selected_keys, texts_in
from spar.upkeep.rows import Record, Records, read_as_kept

READS = 2
"""Of an object, before it counts as lost."""
WITH_WEIGHTS = ("transformers", "vllm")
"""Engines whose models are folders of real weights."""
SHOWN = 3
REPORTS = "reports/"
"""What steps without a run keep beside their results (docs/decisions/0008)."""
RECUT = re.compile(r"(prompts|inputs)/")
BRING = "Submit or run the recipe again, which stores what it brings and resumes the run; or restore a backup."


def check_objects(session: Session, store: ObjectStore, run_id: str) -> Iterator[Finding]:
    """Every object and model that the run names."""
    records = read_as_kept(session, run_id)
    named = named_by(records, store)
    makers = _makers(records, store)
    for key in sorted(named.objects):
        if not _readable(store, key):
            yield _lost(key, makers.get(key), records)
    for fingerprint in named.stored_models:
        if (why := _broken_model(store, fingerprint, records)) is not None:
            yield _lost_model(fingerprint, why, records)


def orphans(session: Session, store: ObjectStore) -> list[str]:
    """Keys of ours that no row of any run, no waiting command and no kept report names. A run's own report is the
    run's."""
    objects, models = _named_by_all(session, store)
    reports = (REPORTS, *(f"{RUN_REPORTS}/{run_id}/" for run_id in run_ids(session)))
    found = []
    for key in store.keys(""):
        model = MODEL.fullmatch(key)
        if model is not None:
            mine = model.group(1) in models
        elif BLOB.fullmatch(key) is None:
            continue  # nothing that spar wrote
        else:
            mine = key in objects or key.startswith(reports)
        if not mine:
            found.append(key)
    return found


def orphans_found(keys: list[str]) -> Iterator[Finding]:
    if keys:
        some = ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")
        yield Finding(
            check=Check.ORPHANS,
            what=f"{len(keys)} objects belong to no run: of attempts that came too late, or of a broken submission.",
            where=some,
            fix="They do no harm. Remove them: --fix.",
            remedy=Remedy.RECLAIM,
            keys=tuple(keys),
        )


def _named_by_all(session: Session, store: ObjectStore) -> tuple[set[str], set[str]]:
    objects, models = set(session.exec(select(StoredResult.key))), set(session.exec(select(Model.fingerprint)))
    for run_id in run_ids(session):
        named = named_by(read_as_kept(session, run_id), store)
        objects |= named.objects
        models |= set(named.models)
    for payload in session.exec(select(Command.payload).where(col(Command.handled_at).is_(None))):
        objects |= set(texts_in(payload))
    return objects | _kept_results(store), models


def _kept_results(store: ObjectStore) -> set[str]:
    """Results of steps that belong to no run."""
    kept = set()
    for key in store.keys(REPORTS):
        try:
            kept.add(StepFinished.model_validate_json(get_verified(store, key)).key)
        except (ObjectLost, ValidationError):
            continue  # reported where it is read; its result then counts as an orphan
    return kept


def _readable(store: ObjectStore, key: str) -> bool:
    for _ in range(READS):
        try:
            get_verified(store, key)
        except ObjectLost:
            continue
        return True
    return False


def _broken_model(store: ObjectStore, fingerprint: str, records: Records) -> str | None:
    for _ in range(READS):
        try:
            with TemporaryDirectory(prefix="spar-model-") as folder:
                for file in read_model_manifest(store, fingerprint).files:
                    fetch_model_file(store, fingerprint, file, Path(folder))
                [run] = records["run"]
                if run["recipe"]["engine"]["kind"] in WITH_WEIGHTS and not is_adapter(Path(folder)):
                    check_weights(Path(folder))
        except ObjectLost as error:
            why = error.what
        except ModelUnusable as error:
            return error.what
        else:
            return None
    return why


def _lost(key: str, maker: Record | None, records: Records) -> Finding:
    if maker is not None:
        return _recompute(Check.OBJECTS, f"The object {key} is not there as it was written.", maker)
    where, iteration = _namer(key, records)
    if RECUT.match(key) and iteration is not None:
        return Finding(
            check=Check.OBJECTS,
            what=f"The object {key} is not there as it was written.",
            where=where,
            fix="Write the iteration's prompts again: --fix.",
            remedy=Remedy.RECUT,
            iteration=iteration,
        )
    return Finding(
        check=Check.OBJECTS,
        what=f"The object {key} is not there, and no step of the run makes it.",
        where=where,
        fix=BRING,
    )


def _lost_model(fingerprint: str, why: str, records: Records) -> Finding:
    maker = next((step for step in records["step"] if step["fingerprint"] == fingerprint), None)
    if maker is None:
        where = f"model {fingerprint}"
        return Finding(check=Check.MODELS, what=why, where=where, fix=f"The run was given this model. {BRING}")
    return _recompute(Check.MODELS, why, maker)


def _recompute(check: Check, what: str, maker: Record) -> Finding:
    return Finding(
        check=check,
        what=what,
        where=f"{maker['kind']} {maker['part']} of iteration {maker['iteration']}".replace("  ", " "),
        fix="Have the step compute it again: --fix, then resume the run.",
        remedy=Remedy.RECOMPUTE,
        iteration=maker["iteration"],
        step=maker["id"],
    )


def _makers(records: Records, store: ObjectStore) -> dict[str, Record]:
    """By key, the step whose result it is or whose selection wrote it."""
    made = {}
    for step in records["step"]:
        if step["result_key"]:
            made[step["result_key"]] = step
            if step["kind"] == StepKind.SELECTION:
                made.update(dict.fromkeys(selected_keys(store, step["result_key"]), step))
    return made


def _namer(key: str, records: Records) -> tuple[str, int | None]:
    """Which row names it, and of which iteration."""
    for table in ("shard", "step"):
        for row in records[table]:
            if key in texts_in(row):
                return f"{table} of iteration {row['iteration']}", int(row["iteration"])
    return "the run itself", None
