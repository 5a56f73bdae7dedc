"""Models in the store, and the cache that a host's processes share."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from spar.errors import ModelUnusable, ObjectCorrupt, ObjectMissing, StoreError
from spar.store.directory import DirectoryStore
from spar.store.models import ModelCache, folder_fingerprint, upload_model

LARGE = 1 << 40  # bytes: nothing is evicted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return _model(tmp_path / "given", b"weights")


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


@pytest.fixture
def cache(tmp_path: Path, store: DirectoryStore) -> Iterator[ModelCache]:
    with closing(ModelCache(tmp_path / "cache", store, LARGE)) as made:
        yield made


def _model(folder: Path, weights: bytes) -> Path:
    (folder / "sub").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "sub" / "config.json").write_text("{}")
    (folder / "README.md").write_text("a model")
    (folder / ".hidden").write_text("x")
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_fingerprint_follows_names_and_bytes_only(folder: Path, tmp_path: Path) -> None:
    first = folder_fingerprint(folder)
    (folder / "README.md").write_text("other words")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("x")
    assert folder_fingerprint(folder) == first
    assert folder_fingerprint(_model(tmp_path / "copy", b"weights")) == first
    (folder / "sub" / "config.json").rename(folder / "config.json")
    assert folder_fingerprint(folder) != first
    assert folder_fingerprint(_model(tmp_path / "other", b"Weights")) != first


def test_a_folder_without_files_is_no_model(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ModelUnusable, match="There are no model files in"):
            folder_fingerprint(folder)


def test_an_uploaded_model_comes_back_whole(folder: Path, store: DirectoryStore, cache: ModelCache) -> None:
    manifest = upload_model(store, "abc", folder)
    assert [file.name for file in manifest.files] == ["model.safetensors", "sub/config.json"]
    assert manifest.size == len(b"weights{}")
    fetched = cache.fetch("abc")
    assert _contents(fetched) == {"model.safetensors": b"weights", "sub/config.json": b"{}"}
    assert folder_fingerprint(fetched) == folder_fingerprint(folder)


def test_the_first_model_of_a_fingerprint_stays(folder: Path, store: DirectoryStore, tmp_path: Path) -> None:
    first = upload_model(store, "abc", folder)
    assert upload_model(store, "abc", _model(tmp_path / "other", b"other")) == first


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"weightz")], ids=["missing", "damaged"])
@pytest.mark.parametrize("name", ["model.safetensors", "manifest.json"])
def test_a_model_that_is_not_whole_is_stored_again(
    folder: Path, store: DirectoryStore, cache: ModelCache, spoil: Callable[[Path], object], name: str
) -> None:
    first = upload_model(store, "abc", folder)
    spoil(store.root / "models/abc" / name)
    assert upload_model(store, "abc", folder) == first
    assert (cache.fetch("abc") / "model.safetensors").read_bytes() == b"weights"


def test_a_model_without_its_manifest_is_not_there(
    folder: Path, store: DirectoryStore, cache: ModelCache, tmp_path: Path
) -> None:
    upload_model(store, "abc", folder)
    (tmp_path / "store/models/abc/manifest.json").unlink()
    with pytest.raises(ObjectMissing):
        cache.fetch("abc")
    assert not (cache.root / "abc").exists()


def test_a_damaged_model_is_never_shown(folder: Path, store: DirectoryStore, cache: ModelCache, tmp_path: Path) -> None:
    upload_model(store, "abc", folder)
    stored = tmp_path / "store/models/abc/model.safetensors"
    stored.write_bytes(b"weightz")
    with pytest.raises(ObjectCorrupt, match=r"models/abc/model\.safetensors is not what was written"):
        cache.fetch("abc")
    assert not (cache.root / "abc").exists()
    stored.write_bytes(b"weights")
    assert (cache.fetch("abc") / "model.safetensors").read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["../../escaped", "/etc/passwd"])
def test_a_manifest_cannot_lead_out_of_the_cache(store: DirectoryStore, cache: ModelCache, name: str) -> None:
    manifest = {"fingerprint": "abc", "files": [{"name": name, "size": 1, "sha256": "x"}]}
    store.put("models/abc/manifest.json", json.dumps(manifest).encode())
    with pytest.raises(StoreError, match="cannot be a key"):
        cache.fetch("abc")


@pytest.mark.parametrize("data", [b"", b"{}", b'{"fingerprint": "other", "files": []}'])
def test_a_damaged_manifest_is_corrupt(store: DirectoryStore, cache: ModelCache, data: bytes) -> None:
    store.put("models/abc/manifest.json", data)
    with pytest.raises(ObjectCorrupt, match=r"models/abc/manifest\.json"):
        cache.fetch("abc")


def test_the_least_recently_used_model_goes_first(store: DirectoryStore, tmp_path: Path) -> None:
    for name in "abcd":
        upload_model(store, name, _model(tmp_path / name, name.encode() * 1000))
    root = tmp_path / "cache"
    for name in "abca":  # a is used again
        with closing(ModelCache(root, store, LARGE)) as cache:
            cache.fetch(name)
    with closing(ModelCache(root, store, 2 * 1002)) as cache:
        cache.fetch("d")
    assert _cached(root) == ["a", "d"]


def test_a_model_that_someone_holds_stays(store: DirectoryStore, tmp_path: Path) -> None:
    for name in "ab":
        upload_model(store, name, _model(tmp_path / name, name.encode() * 1000))
    root = tmp_path / "cache"
    with closing(ModelCache(root, store, LARGE)) as holder, closing(ModelCache(root, store, 1)) as other:
        holder.fetch("a")
        other.fetch("b")
        assert _cached(root) == ["a", "b"]
        holder.close()
        other.fetch("b")
        assert _cached(root) == ["b"]


def test_a_long_lived_cache_lets_old_models_go(store: DirectoryStore, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    with closing(ModelCache(root, store, 1)) as cache:
        for name in "abcdefg":
            upload_model(store, name, _model(tmp_path / name, b"x"))
            assert cache.fetch(name).is_dir()
    assert _cached(root) == ["d", "e", "f", "g"]


def test_threads_fetch_one_model_once(folder: Path, store: DirectoryStore, cache: ModelCache) -> None:
    upload_model(store, "abc", folder)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(cache.fetch, ["abc"] * 32)) == {cache.root / "abc"}


def test_processes_share_a_cache_that_is_too_small(store: DirectoryStore, tmp_path: Path) -> None:
    """Everyone fetches and evicts at once; each sees whole models only."""
    for name in "abc":
        upload_model(store, name, _model(tmp_path / name, name.encode() * 50_000))
    code = (
        "import sys\nfrom pathlib import Path\nfrom spar.store.directory import DirectoryStore\n"
        "from spar.store.models import ModelCache\n"
        f"base = Path({str(tmp_path)!r})\n"
        "for turn in range(30):\n"
        "    cache = ModelCache(base / 'cache', DirectoryStore(base / 'store'), 60_000)\n"
        "    name = 'abc'[(turn + int(sys.argv[1])) % 3]\n"
        "    assert (cache.fetch(name) / 'model.safetensors').read_bytes() == name.encode() * 50_000\n"
        "    cache.close()\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]


def _cached(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if not path.name.startswith("~"))
