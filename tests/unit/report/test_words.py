"""The word difference: it rebuilds the later text, and blanks are never a change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spar.report.words import WordSpan, changed_words, word_changes

TEXT = st.lists(st.sampled_from(["moss", "echo", "!", "cake", "<b>", "語", "木"]), max_size=8).map(" ".join)


def test_what_was_struck_out_and_put_in() -> None:
    assert word_changes("knife moss echo lamp !", "knife harp echo !") == [
        WordSpan("same", "knife"),
        WordSpan("removed", " moss"),
        WordSpan("added", " harp"),
        WordSpan("same", " echo"),
        WordSpan("removed", " lamp"),
        WordSpan("same", " !"),
    ]


def test_a_struck_out_beginning_leaves_a_blank_before_what_follows() -> None:
    spans = word_changes("tide shell", "shell")
    assert "".join(span.text for span in spans) == "tide shell"


def test_blanks_and_line_breaks_are_no_change() -> None:
    assert changed_words(word_changes("moss echo\ncake", "moss\n\necho cake")) == 0


@pytest.mark.parametrize(("before", "after"), [("木語", "木本語"), ("", "moss"), ("moss", "")])
def test_scripts_without_blanks_and_empty_texts(before: str, after: str) -> None:
    assert changed_words(word_changes(before, after)) == 1


@given(TEXT, TEXT)
def test_both_texts_can_be_read_back(before: str, after: str) -> None:
    spans = word_changes(before, after)
    kept = "".join(span.text for span in spans if span.kind != "removed")
    old = "".join(span.text for span in spans if span.kind != "added")
    assert kept.split() == after.split()
    assert "".join(old.split()) == "".join(before.split())
