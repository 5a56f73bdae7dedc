"""Positions of the plots: inside the frame, in proportion, and readable."""

from itertools import pairwise

import pytest

from spar.report.charts import (
    BAR_WIDTH,
    FRAME,
    LABEL_GAP,
    RatePoint,
    Series,
    columns,
    line_chart,
    stacked_bar,
)


def series(*values: float, width: float = 0.02) -> Series:
    points = [RatePoint(x=x, value=v, low=max(0.0, v - width), high=min(1.0, v + width)) for x, v in enumerate(values)]
    return Series(name="greedy", style="c-first", points=points)


@pytest.mark.parametrize("values", [(0.54, 0.78, 0.88), (0.0, 1.0), (0.999, 1.0, 1.0), (0.5,), (0.0, 0.0)])
def test_every_mark_and_interval_is_inside_the_frame(values: tuple[float, ...]) -> None:
    chart = line_chart([series(*values)])
    assert chart is not None
    for mark in chart.lines[0].curve.marks:
        assert FRAME.left + FRAME.inset <= mark.x <= FRAME.right - FRAME.inset
        assert FRAME.top <= mark.y_high <= mark.y <= mark.y_low <= FRAME.bottom
    assert [tick.at for tick in chart.y_ticks] == sorted((tick.at for tick in chart.y_ticks), reverse=True)
    assert 3 <= len(chart.y_ticks) <= 8


def test_labels_of_close_lines_stay_apart_and_in_order() -> None:
    chart = line_chart([series(0.5, 0.9), series(0.5, 0.895), series(0.5, 0.89)])
    assert chart is not None
    ends = [line.label_y for line in chart.lines]
    assert ends == sorted(ends)
    assert all(below - above >= LABEL_GAP - 0.2 for above, below in pairwise(ends))


def test_nothing_measured_is_no_chart() -> None:
    assert line_chart([Series(name="greedy", style="c-first", points=[])]) is None


def test_a_stacked_bar_is_in_proportion_and_leaves_out_what_is_empty() -> None:
    segments = stacked_bar([("pair", "a", 30), ("tied", "b", 0), ("unsolved", "c", 10)], longest=80, gap=0)
    assert [(s.name, s.at, s.width) for s in segments] == [("pair", 0, 375), ("unsolved", 375, 125)]
    assert stacked_bar([("pair", "a", 0)], longest=0) == []
    assert stacked_bar([("pair", "a", 5)], longest=5, gap=0)[0].width == BAR_WIDTH


def test_columns_have_a_slot_for_every_size_and_share_one_scale() -> None:
    found = columns({2: 10, 4: 5}, range(2, 5), highest=20)
    assert [column.value for column in found] == [10, 0, 5]
    assert found[0].height == pytest.approx(2 * found[2].height)
    assert found[1].height == 0
