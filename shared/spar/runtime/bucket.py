"""Makes the object store's bucket unless it is there: `python -m spar.runtime.bucket`, once, before workers start."""

from spar.runtime.process import main, open_store
from spar.runtime.settings import Settings
from spar.store.s3 import S3Store


def make_bucket(settings: Settings) -> None:
    """Raises ServiceError. A directory as the store needs no bucket."""
    store = open_store(settings)
    if isinstance(store, S3Store):
        store.ensure_bucket()
        print(f"bucket {store.bucket} is there")


if __name__ == "__main__":
    main(make_bucket)
