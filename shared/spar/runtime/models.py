"""Where models are: from a recipe's reference to a fingerprint, and from a fingerprint to files on this host.

References: `builtin:story/actor`, a directory, `hub:ORG/NAME@REVISION`, `served:NAME`.
"""

import hashlib
from pathlib import Path

from spar.engines.base import LocalModel
from spar.errors import ModelUnusable
from spar.lora import REFERENCE, base_folder, is_adapter, link_base
from spar.messages.base import ModelRef
from spar.runtime.hub import from_hub
from spar.store.models import ModelCache, folder_fingerprint
from spar.worlds.story.builtin import builtin_model

STORE = "store"


def refer(reference: str) -> ModelRef:
    """Fingerprint a reference. Files are hashed; a hub revision and a served name stand for themselves.

    Raises ModelUnusable.
    """
    kind, _, rest = reference.partition(":")
    match kind:
        case "builtin":
            return ModelRef(fingerprint=folder_fingerprint(builtin_model(rest)), location=reference)
        case "hub" if "@" in rest:
            return ModelRef(fingerprint=_hash(reference), location=reference)
        case "hub":
            raise ModelUnusable(
                f"'{reference}' names no revision.",
                f"Write {reference}@REVISION, so that it stays the same.",
            )
        case "served":
            return ModelRef(fingerprint=_hash(reference), location=reference)
    folder = Path(reference).expanduser().resolve()
    if not folder.is_dir():
        raise ModelUnusable(
            f"There is no model directory {folder}.",
            "Give a directory with config.json and *.safetensors, builtin:NAME, hub:ORG/NAME@REVISION or served:NAME.",
        )
    return ModelRef(fingerprint=folder_fingerprint(folder), location=f"dir:{folder}")


def locate(model: ModelRef, cache: ModelCache) -> LocalModel:
    """The model's files on this host, fetched if need be, an adapter's base with them. Blocks.

    Raises ModelUnusable and StoreError.
    """
    local = _locate(model, cache)
    if local.path is not None and is_adapter(local.path) and (local.path / REFERENCE).is_file():
        base = ModelRef.model_validate_json((local.path / REFERENCE).read_bytes())
        link_base(local.path, model_folder(base, cache))
    return local


def _locate(model: ModelRef, cache: ModelCache) -> LocalModel:
    kind, _, rest = model.location.partition(":")
    match kind:
        case "served":
            return LocalModel(model.fingerprint, name=rest)
        case "builtin":
            return LocalModel(model.fingerprint, path=builtin_model(rest), name=rest)
        case "dir":
            return LocalModel(model.fingerprint, path=Path(rest), name=Path(rest).name)
        case "hub":
            return LocalModel(model.fingerprint, path=from_hub(rest), name=rest)
        case _:
            return LocalModel(model.fingerprint, path=cache.fetch(model.fingerprint), name=model.fingerprint)


def model_folder(model: ModelRef, cache: ModelCache) -> Path:
    """As `locate`, for a trainer: a model without files here cannot be trained."""
    local = locate(model, cache)
    if local.path is None:
        raise ModelUnusable(
            f"{model.location} is only a name at a remote endpoint; training needs the weights.",
            "Give models.actor and models.refiner as a directory, builtin:NAME or hub:ORG/NAME@REVISION.",
        )
    return local.path


def name_base(adapter: Path, parent: ModelRef, parent_folder: Path) -> None:
    """Write which model a trained adapter lies on, so that any host can find it. Blocks; raises ModelUnusable.

    An adapter that went on from another lies on that one's base, and has its base.json already if that one had it.
    """
    if (adapter / REFERENCE).is_file():
        return
    base = refer(str(base_folder(parent_folder))) if is_adapter(parent_folder) else parent
    (adapter / REFERENCE).write_text(base.model_dump_json(indent=1) + "\n")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
