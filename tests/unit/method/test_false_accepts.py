"""How often a bad text solves a tree, by simulated judges: the fixed rules must not do worse than the paper's."""

import pytest

from benchmarks.vote_rules import FIXED, PAPER, RULES, measure


@pytest.mark.parametrize("unparsable", [0.0, 0.15, 0.3])
def test_the_fixed_rules_accept_no_more_bad_texts_than_the_papers(unparsable: float) -> None:
    fixed, paper = (measure(RULES[name], trees=400, unparsable=unparsable) for name in (FIXED, PAPER))
    assert fixed.false / fixed.solved <= paper.false / paper.solved
    assert fixed.solved - fixed.false >= 0.97 * (paper.solved - paper.false)
