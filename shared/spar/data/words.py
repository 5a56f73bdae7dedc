"""What makes two texts the same or alike: their normal form, their words, and the runs of n words in them."""

import re
import unicodedata
from hashlib import blake2b

# Scripts without blanks between words count by character.
_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힣]|[^\W_]+")


def normal_form(text: str) -> str:
    """One form for texts that differ only in how Unicode or blanks are written."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def runs(text: str, length: int) -> set[str]:
    """Every run of `length` words, each once; a shorter text is one run; of a text without words, the text."""
    found = words(text) or [text.strip()]
    return {" ".join(found[start : start + length]) for start in range(max(1, len(found) - length + 1))}


def number_of(text: str) -> int:
    """64 bits of a hash, never 0: among ten million texts two share one with a chance of 3 in a million."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) or 1
