"""Derives the seed of every call from the call itself, so that a run is reproducible whatever the order of its work."""

import hashlib
import json


def derive_seed(seed: int, iteration: int, prompt_id: str, step: str, *path: int | str) -> int:
    """The first 8 bytes of SHA-256 over the arguments, halved to fit a signed 64-bit integer.

    `seed` is the recipe's. The encoding is JSON, so that different calls have different encodings.
    """
    text = json.dumps([seed, iteration, prompt_id, step, *path], separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
