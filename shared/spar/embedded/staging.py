"""A submission that is prepared before its home is made or changed, so that a refused one leaves nothing behind.

What it stores lies in a temporary folder until the home has been taken. Knows nothing of how a run goes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from spar.recipes.models import Recipe
from spar.store.base import ObjectStore
from spar.store.directory import DirectoryStore
from spar.submission.prepare import Prepared, prepare


@dataclass(frozen=True, slots=True)
class Staged:
    """What `prepare` made of a recipe, and the objects that it names."""

    prepared: Prepared
    objects: DirectoryStore

    def copy_to(self, store: ObjectStore) -> None:
        for key in self.objects.keys(""):
            store.put(key, self.objects.get(key))


@contextmanager
def staging(recipe: Recipe) -> Iterator[Staged]:
    """Prepare the recipe; what it stores is gone after the block. Raises what `prepare` raises."""
    with TemporaryDirectory(prefix="spar-") as folder:
        objects = DirectoryStore(Path(folder) / "store")
        yield Staged(prepare(recipe, objects), objects)
