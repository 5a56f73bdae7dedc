"""What is spent, in words: a line of all of it, and news of each cap by tenths."""

from spar.cli.burn import Tenths, spent_line
from spar.recipes.spending import Burn


def test_the_line_tells_what_is_counted_and_capped() -> None:
    burn = (Burn("calls", 1204, 2000), Burn("tokens", 98211, None), Burn("hours", 0.0, None), Burn("trainings", 0, 0))
    assert spent_line(burn) == "spent: 1,204 of 2,000 calls, 98,211 tokens, 0 of 0 trainings"
    assert spent_line((Burn("calls", 0, None),)) == ""


def test_what_no_server_counted_is_marked() -> None:
    burn = (Burn("tokens", 9821, 10_000, estimated=1200), Burn("money", 0.5, None, estimated=1200))
    assert spent_line(burn) == "spent: 9,821 of 10,000 tokens (1,200 of them estimated), 0.50 money (partly estimated)"


def test_each_tenth_is_told_once() -> None:
    tenths = Tenths()
    assert tenths.news([Burn("calls", 350, 1000), Burn("tokens", 9, None)]) == []
    assert tenths.news([Burn("calls", 390, 1000)]) == []
    assert tenths.news([Burn("calls", 400, 1000)]) == ["budget: 400 of 1,000 calls, 600 left"]
    assert tenths.news([Burn("calls", 400, 1000)]) == []
    assert tenths.news([Burn("hours", 0.9, 1.0), Burn("calls", 1010, 1000)]) == [
        "budget: 0.90 of 1.00 hours, 0.10 left",
        "budget: 1,010 of 1,000 calls, 0 left",
    ]
