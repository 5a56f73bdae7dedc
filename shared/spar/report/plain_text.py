"""Text of models and files made safe for a terminal: control characters visible, long texts cut and counted.

A reply can hold escape sequences that would recolour, overwrite or retitle the terminal. Prints nothing.
"""

HEAD, TAIL = 160, 80
"""Characters of a long text that are shown: its beginning, and its end, which holds a verdict."""


def visible(text: str) -> str:
    """The text with every control character but line breaks and tabs written as its escape."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def on_one_line(text: str) -> str:
    """The text in one line: quoted, with its line breaks as escapes."""
    return repr(text)


def excerpt(text: str) -> str:
    """As `on_one_line`, and of a long text only its beginning and end, with the number of characters left out."""
    if len(text) <= HEAD + TAIL:
        return on_one_line(text)
    left_out = len(text) - HEAD - TAIL
    return f"{on_one_line(text[:HEAD])} [... {left_out:,} characters ...] {on_one_line(text[-TAIL:])}"


def indented(text: str, by: int) -> str:
    """The whole text as a block of its own."""
    return "\n".join(" " * by + line for line in visible(text).split("\n"))
