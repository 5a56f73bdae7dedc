"""Archives of one run: the same bytes for the same run, verified whole, restored all at once or not at all."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from sqlmodel import Session, select

from spar.db.engine import open_database
from spar.db.schema import schemas
from spar.db.tables import Run, Step
from spar.embedded.restoring import restore_into
from spar.errors import ConflictError, HomeError, ModelUnusable, ObjectMissing, SparError
from spar.store.directory import DirectoryStore
from spar.upkeep.archive import archive_run
from spar.upkeep.manifest import ArchiveManifest, ArchiveRefused
from spar.upkeep.rows import Record, read_records
from tests.unit.upkeep.kept_run import played

FILES = {"report.json": b"{}", "report.html": b"<p>"}


def write(home: Path, run_id: str, file: Path, with_models: bool = True) -> ArchiveManifest:
    database = open_database(f"sqlite:///{home / 'spar.db'}")
    with Session(database) as session:
        manifest = archive_run(file, session, DirectoryStore(home / "store"), run_id, FILES, with_models)
    database.dispose()
    return manifest


def records_of(home: Path, run_id: str) -> dict[str, list[Record]]:
    database = open_database(f"sqlite:///{home / 'spar.db'}")
    with Session(database) as session:
        records = read_records(session, run_id)
    database.dispose()
    return records


def objects_of(home: Path) -> dict[str, bytes]:
    store = DirectoryStore(home / "store")
    return {key: store.get(key) for key in store.keys("")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    stage, _ = played(tmp_path / "home")
    stage.database.dispose()
    shutil.rmtree(tmp_path / "home" / "work")
    (tmp_path / "home" / "model").rename(tmp_path / "model")
    (tmp_path / "home" / "model").symlink_to(tmp_path / "model")
    return tmp_path / "home"


@pytest.fixture
def run_id(home: Path) -> str:
    database = open_database(f"sqlite:///{home / 'spar.db'}")
    with Session(database) as session:
        [found] = session.exec(select(Run.id))
    database.dispose()
    return found


@pytest.fixture
def file(home: Path, run_id: str, tmp_path: Path) -> Path:
    write(home, run_id, tmp_path / "run.tar.zst")
    return tmp_path / "run.tar.zst"


def test_every_object_and_row_comes_back_and_gives_the_same_archive(
    home: Path, run_id: str, file: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    restored = restore_into(file, there)
    assert (restored.run_id, restored.new) == (run_id, True)
    # The given model came as a folder, and lies in the store there.
    kept = {key: data for key, data in objects_of(there).items() if key in objects_of(home)}
    assert kept == objects_of(home)
    assert [row["location"] for row in records_of(there, run_id)["model"]] == ["store"] * 3
    assert (there / "report.json").read_bytes() == FILES["report.json"]
    write(there, run_id, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_the_same_run_gives_the_same_bytes(home: Path, run_id: str, file: Path, tmp_path: Path) -> None:
    write(home, run_id, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_steps_get_ids_that_are_free_and_what_names_them_follows(file: Path, run_id: str, tmp_path: Path) -> None:
    stage, other = played(tmp_path / "there", seed=7)
    stage.database.dispose()
    shutil.rmtree(tmp_path / "there" / "work")
    shutil.move(tmp_path / "there" / "model", tmp_path / "other-model")
    restore_into(file, tmp_path / "there")
    database = open_database(f"sqlite:///{tmp_path / 'there' / 'spar.db'}")
    with Session(database) as session:
        steps = session.exec(select(Step)).all()
        assert {step.run_id for step in steps} == {run_id, other}
        assert all(step.message["step_id"] == step.id for step in steps)
    database.dispose()


def test_restoring_twice_changes_nothing_and_heals_what_is_missing(file: Path, run_id: str, tmp_path: Path) -> None:
    there = tmp_path / "there"
    restore_into(file, there)
    rows, objects = records_of(there, run_id), objects_of(there)
    for folder in ("results", "models"):
        shutil.rmtree(there / "store" / folder)
    assert not restore_into(file, there).new
    assert (records_of(there, run_id), objects_of(there)) == (rows, objects)


def test_another_state_of_the_run_is_not_overwritten(file: Path, run_id: str, tmp_path: Path) -> None:
    there = tmp_path / "there"
    restore_into(file, there)
    database = open_database(f"sqlite:///{there / 'spar.db'}")
    with Session(database) as session:
        session.get_one(Run, run_id).reason = "something else"
        session.commit()
    database.dispose()
    shutil.rmtree(there / "store" / "results")
    before = objects_of(there)
    with pytest.raises(ConflictError, match="not as the archive has it"):
        restore_into(file, there)
    assert objects_of(there) == before


def test_without_models_they_are_named(home: Path, run_id: str, tmp_path: Path) -> None:
    manifest = write(home, run_id, tmp_path / "small", with_models=False)
    assert len(manifest.models_left_out) == 2
    restore_into(tmp_path / "small", tmp_path / "there")
    assert not list(DirectoryStore(tmp_path / "there" / "store").keys("models"))
    assert [row["location"][:4] for row in records_of(tmp_path / "there", run_id)["model"]].count("dir:") == 1


def test_a_run_that_lacks_something_is_not_archived(home: Path, run_id: str, tmp_path: Path) -> None:
    shutil.rmtree(home / "store" / "pairs")
    with pytest.raises(ObjectMissing):
        write(home, run_id, tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_a_given_model_that_has_changed_is_refused(home: Path, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "model" / "config.json").write_text('{"other": 1}')
    with pytest.raises(ModelUnusable, match="has changed"):
        write(home, run_id, tmp_path / "file")


def test_a_directory_of_something_else_is_refused(file: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(HomeError, match=r"thesis\.tex"):
        restore_into(file, tmp_path / "mine")


Entries = list[tuple[tarfile.TarInfo, bytes]]


def entries_of(file: Path) -> Entries:
    data = zstandard.ZstdDecompressor().decompressobj().decompress(file.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [(entry, opened.read()) for entry in tar if (opened := tar.extractfile(entry)) is not None]


def rewrite(file: Path, entries: Entries) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for entry, data in entries:
            if entry.isreg():
                entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    file.write_bytes(zstandard.compress(plain.getvalue()))


def changed_manifest(**changes: object) -> Callable[[Entries], Entries]:
    def change(entries: Entries) -> Entries:
        [(entry, data), *rest] = entries
        return [(entry, json.dumps({**json.loads(data), **changes}).encode()), *rest]

    return change


def renamed(to: str, kind: bytes = tarfile.REGTYPE) -> Callable[[Entries], Entries]:
    """The last member has another name, in the manifest too."""

    def change(entries: Entries) -> Entries:
        [(head, data), *rest] = entries
        manifest = json.loads(data)
        manifest["members"][-1]["name"] = to
        entry, content = rest[-1]
        entry.name, entry.type, entry.linkname = to, kind, "/etc/hostname"
        return [(head, json.dumps(manifest).encode()), *rest[:-1], (entry, content)]

    return change


def altered(entries: Entries) -> Entries:
    entry, data = entries[-1]
    return [*entries[:-1], (entry, bytes([data[0] ^ 1]) + data[1:])]


ALTERED: dict[str, tuple[Callable[[Entries], Entries], str]] = {
    "a newer format": (changed_manifest(format=2), "does not know"),
    "a newer schema": (changed_manifest(schema_version="9999"), "does not know"),
    "an older schema": (changed_manifest(schema_version=schemas()[-1]), "with the version that wrote it"),
    "another run's manifest": (changed_manifest(run_id="other"), "no rows of the run other"),
    "an unknown key": (changed_manifest(more=1), "cannot be read"),
    "no manifest": (lambda entries: entries[1:], "does not begin with the manifest"),
    "a member less": (lambda entries: entries[:-1], "ends before its member"),
    "a member more": (lambda entries: [*entries, entries[-1]], "of which its manifest says nothing"),
    "another order": (lambda entries: [*entries[:-2], entries[-1], entries[-2]], "where its manifest says"),
    "an altered byte": (altered, "do not have the SHA-256"),
    "a way up": (renamed("store/../../../evil"), "no archive of a run has"),
    "an absolute path": (renamed("/tmp/evil"), "no archive of a run has"),
    "a file beside the store": (renamed("lock"), "no archive of a run has"),
    "a link": (renamed("store/a/link", tarfile.SYMTYPE), "where its manifest says"),
    "a device": (renamed("store/a/device", tarfile.CHRTYPE), "where its manifest says"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_archive_is_refused_and_nothing_is_written(name: str, file: Path, tmp_path: Path) -> None:
    change, why = ALTERED[name]
    rewrite(file, change(entries_of(file)))
    with pytest.raises(ArchiveRefused, match=why) as caught:
        restore_into(file, tmp_path / "there")
    assert caught.value.fix
    assert not (tmp_path / "there").exists()


def test_a_rewritten_archive_that_is_not_altered_is_restored(file: Path, tmp_path: Path) -> None:
    """So that what the test above refuses is refused for its alteration."""
    rewrite(file, entries_of(file))
    assert restore_into(file, tmp_path / "there").new


def test_every_truncation_and_every_flipped_byte_is_refused(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    cuts = [0, 1, 3, 40, len(whole) // 3, len(whole) // 2, len(whole) - 5, len(whole) - 1]
    flips = range(0, len(whole), max(1, len(whole) // 40))
    flipped = [whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1 :] for at in flips]
    # A flipped bit may make another encoding of the same bytes, such as a match at another distance: no damage.
    damaged = [whole[:cut] for cut in cuts] + [each for each in flipped if content(each) != content(whole)]
    assert len(damaged) > len(cuts) + len(flipped) // 2
    for data in [*damaged, whole + b"more", b"a text, not an archive", zstandard.compress(b"no tar")]:
        file.write_bytes(data)
        with pytest.raises(ArchiveRefused, match="is not a whole archive"):
            restore_into(file, tmp_path / "there")
    assert not (tmp_path / "there").exists()


def content(archive: bytes) -> bytes | None:
    """What the archive decompresses to; None if it does not."""
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(archive)
    except zstandard.ZstdError:
        return None


def test_a_restore_that_fails_on_the_way_leaves_no_run_and_is_completed_later(
    file: Path, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, left = tmp_path / "there", [4]
    put = DirectoryStore.put_file

    def put_some(self: DirectoryStore, key: str, path: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise SparError("The disk is full.", "Free some space.")
        put(self, key, path)

    with monkeypatch.context() as patched:
        patched.setattr(DirectoryStore, "put_file", put_some)
        with pytest.raises(SparError, match="disk is full"):
            restore_into(file, there)
    assert not (there / "spar.db").exists()
    assert restore_into(file, there).new
    assert records_of(there, run_id)["run"]
