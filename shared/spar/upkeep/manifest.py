"""What an archive says of itself, and the names that its members may have. Knows nothing of reading and writing."""

from pydantic import BaseModel, ConfigDict

from spar.errors import DataError, StoreError
from spar.store.keys import check_key
from spar.upkeep.rows import TABLES, name_of

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = {f"database/{name_of(table)}.jsonl" for table in TABLES}
RUN_FILES = ("recipe.yaml", "report.json", "report.html")
RUN = {f"run/{name}" for name in RUN_FILES}
STORE = "store/"


class ArchiveRefused(DataError):
    """A file that is no whole archive of a run, or not one that this version restores."""


class Member(BaseModel):
    """One file of the archive; `size` in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    size: int
    sha256: str


class ArchiveManifest(BaseModel):
    """`schema_version` is the database's; `models_left_out` are fingerprints of models that the run needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    schema_version: str
    run_id: str
    models_left_out: tuple[str, ...] = ()
    members: tuple[Member, ...]

    @property
    def size(self) -> int:
        return sum(member.size for member in self.members)


def check_member(name: str) -> str:
    """The name itself, if an archive may hold it: nothing leads out of where it is restored. Raises ArchiveRefused."""
    if name in DATABASE or name in RUN:
        return name
    try:
        if name.startswith(STORE):
            check_key(name.removeprefix(STORE))
            return name
    except StoreError:
        pass
    raise ArchiveRefused(
        f"The archive has a member named {name[:200]!r}, which no archive of a run has.",
        "Do not restore it: write the archive again with `spar archive`, from where the run is.",
    )
