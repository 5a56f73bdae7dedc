"""Which checkers can be trusted, when neither they nor the cases that they are tried on are known to be right."""

import pytest

from spar.method.checking import Case, enough, trusted

GOOD, BAD = Case("a", True), Case("b", False)
YES, NO = "passed", "not passed"


def test_a_checker_is_right_on_four_fifths_of_the_cases() -> None:
    right, nearly, wrong = [YES] * 5, [YES] * 4 + [NO], [YES] * 3 + [NO] * 2
    assert trusted([right, nearly, wrong], [GOOD] * 5) == [0, 1]


@pytest.mark.parametrize(("checkers", "cases", "expected"), [(3, 10, True), (2, 10, False), (3, 9, False)])
def test_checkers_and_cases_are_tried_where_there_are_enough_of_both(checkers: int, cases: int, expected: bool) -> None:
    """Equal ones count once."""
    sources, responses = [str(n) for n in range(checkers)], [Case(str(n), True) for n in range(cases)]
    assert enough([*sources, *sources], [*responses, *responses]) is expected


def test_a_case_that_no_checker_agrees_with_counts_against_none() -> None:
    wrong = Case("a", False)
    assert trusted([[YES, YES, NO]], [GOOD, wrong, BAD]) == [0]
    assert trusted([[YES, YES], [YES, YES]], [wrong, wrong]) == []


def test_a_broken_checker_is_wrong() -> None:
    assert trusted([["ValueError: x", "ValueError: x"], [YES, NO]], [GOOD, BAD]) == [1]
    assert trusted([], []) == []
