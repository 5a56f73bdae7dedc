"""Statistics and prices, on texts and counts whose values are known."""

import pytest

from spar.evolution.forms import forms_named
from spar.evolution.price import EvolutionWork, Prices, estimate
from spar.evolution.statistics import SAMPLE, SetStatistics, chi_square, lengths, self_bleu
from spar.evolution.taxonomy import taxonomy_named
from spar.method.records import Prompt

TAXONOMY, FORMS = taxonomy_named("spar"), forms_named("spar")


def test_self_bleu_is_100_for_repeats_and_0_for_strangers() -> None:
    assert self_bleu(["write a poem about the sea at night"] * 3) == pytest.approx(100, abs=0.01)
    assert self_bleu(["write a poem about the sea", "explain how steam engines work today"]) == pytest.approx(0, abs=12)
    near = self_bleu(["write a poem about the sea at night", "write a poem about the sea at dawn", "name two rivers"])
    assert near is not None
    assert 30 < near < 70
    assert self_bleu(["alone"]) is None


def test_lengths_and_chi_square() -> None:
    assert lengths([5, 1, 3, 2, 4, 6, 7, 8, 9, 10]) == {
        "least": 1,
        "most": 10,
        "mean": 5.5,
        "p10": 1,
        "p50": 5,
        "p90": 9,
    }
    assert lengths([]) is None
    assert chi_square([10, 20, 30]) == 10.0
    assert chi_square([0, 0]) is None


def _statistics(order: list[int]) -> SetStatistics:
    statistics = SetStatistics(taxonomy=TAXONOMY, seed=1)
    for number in order:
        prompt = Prompt.of(f"Write about {number}.")
        statistics.draw("length")
        statistics.keep(prompt, "length", ("genre",) if number % 2 else None, f"Write about {number} in two words.")
    return statistics


def test_a_set_is_told_whole_whatever_its_order() -> None:
    count = SAMPLE + 20
    told = _statistics(list(range(count))).as_json()
    assert told == _statistics(list(reversed(range(count)))).as_json()
    assert told["main_drawn"]["length"] == told["main_kept"]["length"] == count
    assert (told["added_kept"]["genre"], told["added_not_named"]) == (count // 2, count // 2)
    assert (told["words_of_seeds"]["mean"], told["words"]["mean"]) == (3.0, 6.0)
    assert told["self_bleu_of"] == SAMPLE
    assert told["main_drawn_chi_square"] == chi_square([count] + [0] * 13)


def test_an_empty_set_has_no_figures() -> None:
    told = SetStatistics(taxonomy=TAXONOMY, seed=1).as_json()
    assert [told[key] for key in ("words", "self_bleu", "main_drawn_chi_square")] == [None, None, None]


def test_a_price_counts_calls_and_bounds_them() -> None:
    work = EvolutionWork(to_evolve=100, evolve_characters=8000, to_check=10, check_characters=4000)
    found = estimate(work, FORMS, TAXONOMY, retries=2, max_tokens=500, prices=Prices(prompt=1.0, completion=4.0))
    likely, at_most = found.likely, found.at_most
    assert (likely.calls, at_most.calls) == (210, 630)
    assert at_most.completion_tokens == 630 * 500
    form = len(FORMS.evolve_messages("", TAXONOMY.groups[0], TAXONOMY)[0].content)
    assert likely.prompt_tokens > (100 * form + 8000) / 4
    assert at_most.prompt_tokens > 3 * likely.prompt_tokens
    assert likely.money == pytest.approx((likely.prompt_tokens + 4 * likely.completion_tokens) / 1e6)
    assert estimate(work, FORMS, TAXONOMY, 2, 500, Prices()).likely.money is None
    nothing = estimate(
        EvolutionWork(to_evolve=0, evolve_characters=0, to_check=0, check_characters=0),
        FORMS,
        TAXONOMY,
        2,
        500,
        Prices(),
    )
    assert (nothing.likely.calls, nothing.at_most.prompt_tokens) == (0, 0)
