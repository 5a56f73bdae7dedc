"""A tree's word differences are readable without colour."""

from spar.cli.tree import difference
from spar.report.words import word_changes

BEFORE, AFTER = "wind cream tart mirror lamp !", "wind cream tart jar !"


def test_without_colour_removed_and_added_words_are_marked() -> None:
    plain = difference(word_changes(BEFORE, AFTER), marked=True).plain
    assert plain == "wind cream tart [-mirror lamp-] {+jar+} !"


def test_in_colour_the_text_has_no_marks() -> None:
    coloured = difference(word_changes(BEFORE, AFTER), marked=False)
    assert "[-" not in coloured.plain
    assert {"red strike", "bold green"} <= {str(span.style) for span in coloured.spans}


def test_braces_of_a_text_stay_as_they_are() -> None:
    assert difference(word_changes("a", "{b}"), marked=True).plain == "[-a-] {+{b}+}"
