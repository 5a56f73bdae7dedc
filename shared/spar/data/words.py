"""The basis for comparing texts: their normal form, their words, and their word n-grams."""

import re
import unicodedata
from hashlib import blake2b

# Scripts without blanks between words count by character.
_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힣]|[^\W_]+")


def normal_form(text: str) -> str:
    """A common form of texts that differ only in Unicode normalisation or white space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def ngrams(text: str, length: int) -> set[str]:
    """Every distinct n-gram of `length` words; a shorter text is one n-gram; for a text without words, the text."""
    found = words(text) or [text.strip()]
    return {" ".join(found[start : start + length]) for start in range(max(1, len(found) - length + 1))}


def number_of(text: str) -> int:
    """64 bits of a hash, never 0: among ten million texts the probability of a collision is 3 in a million."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) or 1
