"""Texts of models on a terminal: nothing of them controls it, and what is cut is counted."""

from spar.report.plain_text import HEAD, TAIL, excerpt, indented, visible


def test_no_control_character_of_a_text_reaches_the_terminal() -> None:
    assert visible("a\x1b[31mred\x07\r\n\tb\u202e") == "a\\x1b[31mred\\x07\\r\n\tb\\u202e"
    assert visible("naïve 漢字 🙂") == "naïve 漢字 🙂"
    assert excerpt("a\x1b]0;title\x07") == "'a\\x1b]0;title\\x07'"
    assert indented("one\n\x1btwo", 2) == "  one\n  \\x1btwo"


def test_a_long_text_keeps_both_its_ends_and_says_how_much_is_missing() -> None:
    text = "a" * HEAD + "b" * 1234 + "c" * TAIL
    assert excerpt(text) == f"'{'a' * HEAD}' [... 1,234 characters ...] '{'c' * TAIL}'"
    assert excerpt("a" * (HEAD + TAIL)) == f"'{'a' * (HEAD + TAIL)}'"
