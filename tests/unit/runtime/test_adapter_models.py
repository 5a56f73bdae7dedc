"""An adapter travels without its base: through the store, and onto a host that finds the base by itself."""

import json
from pathlib import Path

from spar.lora import REFERENCE, base_folder
from spar.messages.base import ModelRef
from spar.runtime.models import locate, name_base, refer
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache, upload_model

FINGERPRINT = "a" * 64


def folder(path: Path, **files: object) -> Path:
    path.mkdir(parents=True)
    for name, content in files.items():
        (path / name.replace("_json", ".json")).write_text(json.dumps(content))
    return path


def adapter(path: Path, base: str = "base") -> Path:
    return folder(path, adapter_config_json={"base_model_name_or_path": base, "r": 8})


def test_a_fetched_adapter_leads_to_its_base_on_this_host(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    cache = ModelCache(tmp_path / "cache", store, limit_bytes=1 << 30)
    base, trained = folder(tmp_path / "base", config_json={}), adapter(tmp_path / "trained")
    name_base(trained, refer(str(base)), base)
    upload_model(store, FINGERPRINT, trained)
    model = locate(ModelRef(fingerprint=FINGERPRINT, location="store"), cache)
    assert model.path == tmp_path / "cache" / FINGERPRINT
    assert base_folder(model.path) == base
    # The base may be in the store as well: whatever a recipe can name.
    upload_model(store, "b" * 64, base)
    other = adapter(tmp_path / "other")
    name_base(other, ModelRef(fingerprint="b" * 64, location="store"), base)
    upload_model(store, "c" * 64, other)
    located = locate(ModelRef(fingerprint="c" * 64, location="store"), cache)
    assert located.path is not None
    assert base_folder(located.path) == (tmp_path / "cache" / ("b" * 64)).resolve()


def test_an_adapter_of_an_adapter_lies_on_that_ones_base(tmp_path: Path) -> None:
    base = folder(tmp_path / "base", config_json={})
    parent, child = adapter(tmp_path / "parent", str(base)), adapter(tmp_path / "child")
    name_base(child, ModelRef(fingerprint="f", location="store"), parent)
    named = ModelRef.model_validate_json((child / REFERENCE).read_bytes())
    assert named == refer(str(base))
    grandchild = adapter(tmp_path / "grandchild")
    (grandchild / REFERENCE).write_bytes((child / REFERENCE).read_bytes())  # the trainer copies it
    name_base(grandchild, ModelRef(fingerprint="g", location="store"), child)
    assert ModelRef.model_validate_json((grandchild / REFERENCE).read_bytes()) == named
