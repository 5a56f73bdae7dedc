"""Numbers as people read them. Knows nothing of what they count."""

from collections.abc import Sequence

MINUS = "\u2212"
NARROW = "\u202f"
"""A narrow blank that does not break a line between a number and its unit."""


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}%"


def percent_range(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"


def signed(points: float, digits: int = 1) -> str:
    """With its sign, and a true minus; a value that rounds to zero has none."""
    text = f"{abs(points):.{digits}f}"
    if float(text) == 0:
        return text
    return ("+" if points > 0 else MINUS) + text


def count(number: float | None) -> str:
    return "–" if number is None else f"{number:,.0f}"


def short_count(number: float) -> str:
    """Three digits are enough for tokens: 950, 12.4k, 1.24M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            value = number / size
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}{unit}"
    return f"{number:.0f}"


def duration(seconds: float | None) -> str:
    """0.7 s, 24 s, 3 min 12 s, 5 h 04 min."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f}{NARROW}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NARROW}s"
    if whole < 3600:
        return f"{whole // 60}{NARROW}min {whole % 60:02d}{NARROW}s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}{NARROW}h {minutes % 60:02d}{NARROW}min"


def plural(number: int, noun: str, nouns: str = "") -> str:
    return f"{count(number)} {noun if number == 1 else nouns or noun + 's'}"


def named(name: str) -> str:
    """An identifier as words: not_reached is `not reached`."""
    return name.replace("_", " ")
