"""The text of a card: our templates, and names written such that none breaks a line, a table or a heading.

Knows nothing of the front matter, which is huggingface_hub's.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from spar.recipes.init import FIRST, iteration_name


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("spar.export", "templates"),
        autoescape=False,  # it is Markdown
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for function in (line, cell, short, counts, iteration, iteration_name):
        made.filters[function.__name__] = function
    return made


def card_text(template: str, **facts: Any) -> str:
    """A template's text, without front matter."""
    return _environment().get_template(template).render(**facts).rstrip() + "\n"


def line(text: object) -> str:
    """On one line, whatever a name holds."""
    return " ".join(str(text).split())


def cell(text: object) -> str:
    """As one cell of a table."""
    return line(text).replace("|", "\\|")


def short(fingerprint: str) -> str:
    """What people compare of a fingerprint."""
    return fingerprint[:16]


def counts(by_name: Mapping[str, int]) -> str:
    """What happened, and how often."""
    return ", ".join(f"{count} {name}" for name, count in by_name.items() if count)


def iteration(number: int) -> str:
    return str(number) if number >= FIRST else iteration_name(number)
