"""What is spent, in words: a line of all of it, and news of each cap by tenths."""

from spar.cli.event_lines import TenthsReporter, spent_line
from spar.recipes.spending import BudgetLine


def test_the_line_tells_what_is_counted_and_capped() -> None:
    burn = (
        BudgetLine(name="calls", spent=1204, cap=2000),
        BudgetLine(name="tokens", spent=98211, cap=None),
        BudgetLine(name="hours", spent=0.0, cap=None),
        BudgetLine(name="trainings", spent=0, cap=0),
    )
    assert spent_line(burn) == "spent: 1,204 of 2,000 calls, 98,211 tokens, 0 of 0 trainings"
    assert spent_line((BudgetLine(name="calls", spent=0, cap=None),)) == ""


def test_what_no_server_counted_is_marked() -> None:
    burn = (
        BudgetLine(name="tokens", spent=9821, cap=10_000, estimated=1200),
        BudgetLine(name="money", spent=0.5, cap=None, estimated=1200),
    )
    assert spent_line(burn) == "spent: 9,821 of 10,000 tokens (1,200 of them estimated), 0.50 money (partly estimated)"


def test_each_tenth_is_told_once() -> None:
    tenths = TenthsReporter()
    assert (
        tenths.news([BudgetLine(name="calls", spent=350, cap=1000), BudgetLine(name="tokens", spent=9, cap=None)]) == []
    )
    assert tenths.news([BudgetLine(name="calls", spent=390, cap=1000)]) == []
    assert tenths.news([BudgetLine(name="calls", spent=400, cap=1000)]) == ["budget: 400 of 1,000 calls, 600 left"]
    assert tenths.news([BudgetLine(name="calls", spent=400, cap=1000)]) == []
    assert tenths.news(
        [BudgetLine(name="hours", spent=0.9, cap=1.0), BudgetLine(name="calls", spent=1010, cap=1000)]
    ) == [
        "budget: 0.90 of 1.00 hours, 0.10 left",
        "budget: 1,010 of 1,000 calls, 0 left",
    ]
