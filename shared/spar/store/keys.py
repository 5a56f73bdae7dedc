"""What a key may be, and the errors that every adapter words alike. Knows nothing of where bytes are kept."""

import re

from spar.errors import ObjectMissing, StoreError

_NAME = re.compile(r"[A-Za-z0-9._-]{1,255}")
_LONGEST_KEY = 1000  # bytes; S3 takes 1024


def check_key(key: str) -> str:
    """The key itself, if it is `/`-separated names of [A-Za-z0-9._-], none of them `.` or `..`."""
    names = key.split("/")
    if len(key) > _LONGEST_KEY or not all(_NAME.fullmatch(n) and n not in (".", "..") for n in names):
        raise StoreError(
            f"{key[:200]!r} cannot be a key of the object store.",
            "Keys are names of letters, digits, '.', '_' and '-', joined by '/'; use such a name.",
        )
    return key


def check_prefix(prefix: str) -> str:
    """The prefix as it begins the keys below it: "" for all keys, else a key and a `/`."""
    return f"{check_key(prefix.removesuffix('/'))}/" if prefix else ""


def missing(key: str, where: object) -> ObjectMissing:
    return ObjectMissing(
        f"There is no object {key} in {where}.",
        "Check that this is the store the run was started with; objects that were removed by hand must be recreated.",
        key,
    )
