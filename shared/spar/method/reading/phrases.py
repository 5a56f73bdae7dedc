"""The words by which a reply retracts, supposes or quotes what it states; English and Chinese.

Patterns only, each matched without regard to case.
"""

import re

CONDITIONAL = re.compile(
    r"\b(?:if|unless|provided|assuming|would|could|might|otherwise|hypothetical(?:ly)?)\b|如果|假如|倘若|要是|除非|否则",
    re.IGNORECASE,
)
"""What follows or precedes is supposed, not stated."""

INTRODUCES_A_QUOTE = re.compile(
    r"(?:\b(?:form(?:at)?|template|example|e\.g|like\s+this|instead|alternative(?:ly)?)\b|格式|例如|示例|模板|"
    rf"{CONDITIONAL.pattern})[^\n]*[:：][\s*_\"'“]*\Z",
    re.IGNORECASE,
)
"""A line above that only introduces the form, or a supposed verdict: "With a title I would write:"."""

_REVISES = re.compile(
    r"\b(?:wait|actually|oops|sorry|apologies|correct(?:ion|ed|ing)|mistake|"
    r"on\s+(?:reflection|second\s+thoughts?|closer\s+(?:look|reading|inspection))|(?:was|is)\s+(?:wrong|incorrect)|"
    r"revis(?:e|ed|ing|ion)|re-?(?:check|count|consider|read|evaluat|examin|assess)\w*|improv(?:e|ed|ing)|better)\b|"
    r"等等|更正|修正|改正|重新|更好",
    re.IGNORECASE,
)
_SUPPOSES = re.compile(
    r"\b(?:unless|would|could|might|hypothetical\w*|alternative\w*|otherwise|stricter|lenient)\b|(?:^|[.!?\n]\s*)if\b|"
    r"如果|假如|倘若|要是|除非|否则",
    re.IGNORECASE,
)


def revises(between: str) -> bool:
    """Whether the text between two statements of the form retracts the first in favour of the second."""
    return _REVISES.search(between) is not None and _SUPPOSES.search(between) is None
