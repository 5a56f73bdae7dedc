"""Numbers as people read them."""

import pytest

from spar.report import formats


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.66, "0.7 s"),
        (24.4, "24 s"),
        (59.6, "1 min 00 s"),
        (192, "3 min 12 s"),
        (18_240, "5 h 04 min"),
        (None, "–"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds).replace(formats.NARROW, " ") == text


@pytest.mark.parametrize(("number", "text"), [(950, "950"), (12_400, "12.4k"), (1_240_000, "1.24M"), (3e9, "3.00G")])
def test_short_counts(number: float, text: str) -> None:
    assert formats.short_count(number) == text


@pytest.mark.parametrize(("points", "text"), [(33.84, "+33.8"), (-0.14, "−0.1"), (-0.04, "0.0"), (0, "0.0")])
def test_signs(points: float, text: str) -> None:
    assert formats.signed(points) == text


def test_plurals() -> None:
    assert formats.plural(1, "search", "searches") == "1 search"
    assert formats.plural(1200, "search", "searches") == "1,200 searches"
    assert formats.plural(0, "pair") == "0 pairs"
