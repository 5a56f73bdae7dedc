"""Reports that the store keeps, `reports/<step's fingerprint>/<sha256>`, for senders that have no tables.

Written by the worker once the result is in the store, so they are there even if the report itself was lost. Knows
nothing of what the results are.
"""

from pydantic import ValidationError

from spar.errors import ObjectCorrupt
from spar.messages.coordinator import StepFinished
from spar.store.base import ObjectStore
from spar.store.results import get_verified, put_blob


def keep_report(store: ObjectStore, report: StepFinished) -> None:
    put_blob(store, _prefix(report.fingerprint), report.model_dump_json().encode())


def kept_report(store: ObjectStore, fingerprint: str) -> StepFinished | None:
    """The first, by key, whose result is still in the store. Raises ObjectCorrupt, ServiceError."""
    for key in store.keys(_prefix(fingerprint)):
        try:
            report = StepFinished.model_validate_json(get_verified(store, key))
        except ValidationError as error:
            raise ObjectCorrupt(
                f"The object {key} is no report that this version can read.",
                "Use the version that wrote it, or remove the object: its step is then done again.",
                key,
            ) from error
        if store.exists(report.key):
            return report
    return None


def _prefix(fingerprint: str) -> str:
    return f"reports/{fingerprint}"
