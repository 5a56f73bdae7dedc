"""The part of a step: the shard, the role or the measurement that it is for. It is stored and sent as text.

The only place that writes that text for a shard and reads an index or a role out of it.
"""

from spar.errors import BUG, AccountingError
from spar.messages.training import Role


def shard_part(index: int) -> str:
    return str(index)


def shard_index(part: str) -> int:
    """Raises AccountingError for a step that is of no shard."""
    if not (part.isascii() and part.isdigit()):
        raise AccountingError(f"A step's part is {part!r}, where a shard's index belongs.", BUG)
    return int(part)


def role_of(part: str) -> Role:
    """Raises AccountingError for a step that is of no role."""
    if part == "actor":
        return "actor"
    if part == "refiner":
        return "refiner"
    raise AccountingError(f"A step's part is {part!r}, where 'actor' or 'refiner' belongs.", BUG)
