"""The table at the end of a run."""

from io import StringIO

from rich.console import Console

from spar.report.table import print_table
from tests.unit.report.example import example_report
from tests.unit.report.test_benchmarks import kept
from tests.unit.report.test_benchmarks import report as benchmark_report
from tests.unit.report.test_page import bare_report


def printed(width: int = 110) -> str:
    stream = StringIO()
    print_table(example_report(), Console(file=stream, width=width, no_color=True))
    return stream.getvalue()


def test_one_row_per_iteration_and_the_headline_first() -> None:
    lines = printed().splitlines()
    assert lines[0].startswith("The actor now follows 87.7%")
    rows = [line.split() for line in lines[2:]]
    assert [row[0] for row in rows] == ["start", "1", "2", "3"]
    assert "+33.8" in rows[-1]


def test_it_fits_a_terminal_of_eighty_columns() -> None:
    lines = printed(width=80).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert lines[-1].split()[-1] == "99.4%"
    assert "time" in printed()


def test_what_was_not_measured_is_a_dash() -> None:
    stream = StringIO()
    print_table(bare_report(), Console(file=stream, width=100))
    assert "start" in stream.getvalue()
    assert "None" not in stream.getvalue()


def test_benchmarks_stand_in_for_a_suite_that_measured_nothing() -> None:
    stream = StringIO()
    print_table(
        benchmark_report(kept(True, False), None, kept(True, True)), Console(file=stream, width=80, no_color=True)
    )
    head, *rows = stream.getvalue().splitlines()[-4:]
    assert head.split() == ["iteration", "ifeval", "pairs", "right"]
    assert [row.split()[1] for row in rows] == ["50.0%", "–", "100.0%"]
