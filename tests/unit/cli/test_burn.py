"""What is spent, in words: a line of all of it, and news of each cap by tenths."""

from spar.cli.burn import TenthsReporter, spent_line
from spar.recipes.spending import BudgetLine


def test_the_line_tells_what_is_counted_and_capped() -> None:
    burn = (
        BudgetLine("calls", 1204, 2000),
        BudgetLine("tokens", 98211, None),
        BudgetLine("hours", 0.0, None),
        BudgetLine("trainings", 0, 0),
    )
    assert spent_line(burn) == "spent: 1,204 of 2,000 calls, 98,211 tokens, 0 of 0 trainings"
    assert spent_line((BudgetLine("calls", 0, None),)) == ""


def test_what_no_server_counted_is_marked() -> None:
    burn = (BudgetLine("tokens", 9821, 10_000, estimated=1200), BudgetLine("money", 0.5, None, estimated=1200))
    assert spent_line(burn) == "spent: 9,821 of 10,000 tokens (1,200 of them estimated), 0.50 money (partly estimated)"


def test_each_tenth_is_told_once() -> None:
    tenths = TenthsReporter()
    assert tenths.news([BudgetLine("calls", 350, 1000), BudgetLine("tokens", 9, None)]) == []
    assert tenths.news([BudgetLine("calls", 390, 1000)]) == []
    assert tenths.news([BudgetLine("calls", 400, 1000)]) == ["budget: 400 of 1,000 calls, 600 left"]
    assert tenths.news([BudgetLine("calls", 400, 1000)]) == []
    assert tenths.news([BudgetLine("hours", 0.9, 1.0), BudgetLine("calls", 1010, 1000)]) == [
        "budget: 0.90 of 1.00 hours, 0.10 left",
        "budget: 1,010 of 1,000 calls, 0 left",
    ]
