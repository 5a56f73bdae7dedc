"""Length, language, closeness to evaluation prompts, and near duplicates, each alone."""

import random

import numpy as np
import pytest

from spar.data.decontamination import EvaluationIndex
from spar.data.duplicates import (
    NONE,
    PERMUTATIONS,
    Ints,
    Signatures,
    band_keys,
    band_width,
    near_earlier,
    same_as_earlier,
    signatures_of,
)
from spar.data.filters import Languages, Lengths, language_identifier
from spar.data.words import ngrams, normal_form, words
from spar.errors import DataError


def test_lengths_are_inclusive() -> None:
    lengths = Lengths(min_chars=3, max_chars=5, min_words=2)
    assert lengths.check("a b") is None
    assert [why.reason if why else None for why in map(lengths.check, ("ab", "a b cd", "abcd"))] == [
        "2 characters, fewer than 3",
        "6 characters, more than 5",
        "1 words, fewer than 2",
    ]


def test_languages_let_through_what_is_not_clearly_another() -> None:
    english = Languages(("en",), language_identifier(("en",)))
    assert [english.check(text) for text in ("Write a poem", "Hello", "explain like im 5", "2 + 2 = ?")] == [None] * 4
    for text, told in [("Schreib ein Gedicht", "de"), ("Écris un poème sur la mer", "fr"), ("写一首关于海的诗", "zh")]:
        why = english.check(text)
        assert why is not None
        assert why.reason == f"it reads as '{told}', not as en"
    assert Languages(("de", "en"), language_identifier(("de", "en"))).check("Schreib ein Gedicht") is None


def test_an_unknown_language_is_told() -> None:
    with pytest.raises(DataError, match="Unknown language 'english'"):
        language_identifier(("english",))


def test_words_of_scripts_without_blanks_are_characters() -> None:
    assert words("Ｗrite 海的诗, ONE-two_3") == ["write", "海", "的", "诗", "one", "two", "3"]
    assert ngrams("a b c d", 3) == {"a b c", "b c d"}
    assert ngrams("a b", 3) == {"a b"}
    assert ngrams(" ?! ", 3) == {"?!"}
    assert normal_form("e\u0301 \n x") == "é x"


def test_contamination_is_a_share_of_runs_of_the_shorter() -> None:
    index = EvaluationIndex([("set:1", "one two three four five six"), ("set:2", "a b")], n=3, overlap=0.5)
    found = index.find("Please: one, two, three FOUR; and then something else entirely")
    assert found is not None
    assert (found.name, found.share) == ("set:1", 0.5)
    assert index.find("one two three and then something else entirely, which is long enough") is None
    assert index.find("A b!") is not None
    assert index.find("a b c d") is None  # two words alone are no copy of what holds them
    assert index.find("nothing of it") is None


def test_the_first_of_equal_numbers_stays() -> None:
    numbers = np.array([5, 7, 5, 0, 0, 7, 9], dtype=np.uint64)
    assert same_as_earlier(numbers, np.arange(7)).tolist() == [NONE, NONE, 0, NONE, NONE, 1, NONE]
    assert same_as_earlier(numbers, np.array([2, 5, 6])).tolist() == [NONE, NONE, NONE]
    assert same_as_earlier(numbers, np.array([], dtype=np.int64)).tolist() == []


def _near(texts: list[str], threshold: float) -> list[int]:
    signatures = signatures_of([list(ngrams(text, 3)) for text in texts], seed=3)
    keys = band_keys(signatures, band_width(threshold))

    def fetch(rows: Ints) -> Signatures:
        return signatures[rows]

    return near_earlier(fetch, keys.T, np.arange(len(texts)), threshold).tolist()


def _jaccard(one: str, other: str) -> float:
    first, second = ngrams(one, 3), ngrams(other, 3)
    return len(first & second) / len(first | second)


def test_near_duplicates_are_those_of_the_true_similarity() -> None:
    """Against the exact Jaccard similarity of every pair, away from the threshold."""
    draw = random.Random(5)
    vocabulary = [f"w{i}" for i in range(400)]
    texts: list[str] = []
    for _ in range(60):
        base = draw.choices(vocabulary, k=60)
        texts.append(" ".join(base))
        for changes in (1, 2, 8, 20):
            changed = list(base)
            for place in draw.sample(range(60), changes):
                changed[place] = draw.choice(vocabulary)
            texts.append(" ".join(changed))
    found = _near(texts, 0.7)
    for row, earlier in enumerate(found):
        best = max((_jaccard(texts[row], texts[other]) for other in range(row)), default=0.0)
        if best >= 0.85:
            assert earlier != NONE
        if earlier != NONE:
            assert _jaccard(texts[row], texts[earlier]) > 0.55
    assert sum(earlier != NONE for earlier in found) >= 60


def test_many_with_a_band_in_common_take_bounded_work() -> None:
    """All have the same keys and none are alike: compared with a hundred leaders, not each with each."""
    fetched = 0
    signatures = np.random.default_rng(1).integers(0, 2**32, (3000, PERMUTATIONS), dtype=np.uint32)

    def fetch(rows: Ints) -> Signatures:
        nonlocal fetched
        fetched += len(rows)
        return signatures[rows]

    same = [np.zeros(3000, dtype=np.uint64)]
    assert set(near_earlier(fetch, same, np.arange(3000), 0.7).tolist()) == {NONE}
    assert fetched < 101 * 3000


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_a_pair_at_the_threshold_shares_a_band(threshold: float) -> None:
    width = band_width(threshold)
    assert 1 - (1 - threshold**width) ** (PERMUTATIONS // width) >= 0.99
