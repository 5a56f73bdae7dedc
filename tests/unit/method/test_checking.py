"""Which checkers can be trusted, when neither they nor the cases that they are tried on are known to be right."""

from spar.method.checking import Case, trusted

GOOD, BAD = Case("a", True), Case("b", False)
YES, NO = "passed", "not passed"


def test_a_checker_is_right_on_half_of_the_cases() -> None:
    said = [[YES, NO], [YES, YES], [NO, YES]]
    assert trusted(said, [GOOD, BAD]) == [0, 1]


def test_a_case_that_no_checker_agrees_with_counts_against_none() -> None:
    wrong = Case("a", False)
    assert trusted([[YES, YES, NO]], [GOOD, wrong, BAD]) == [0]
    assert trusted([[YES, YES], [YES, YES]], [wrong, wrong]) == []


def test_a_broken_checker_is_wrong() -> None:
    assert trusted([["ValueError: x", "ValueError: x"], [YES, NO]], [GOOD, BAD]) == [1]
    assert trusted([], []) == []
