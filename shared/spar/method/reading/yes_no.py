"""Reads a Yes or a No out of the value of a form line, in English or Chinese.

A Yes must be clean: nothing on its line may retract it. A No survives its explanation, since a lost No gives the
others' Yes more weight; only a condition right behind it voids it.
"""

import re

from spar.method.reading.phrases import CONDITIONAL

YES_NO_CHOICE = r"[(（]?\s*(?:\byes\s*(?:/|\bor\b)\s*no\b|是\s*(?:/|或)?\s*否)\s*[)）]?"
"""The form's own choice, "(Yes or No)"."""

_HAN = r"[\u4e00-\u9fff]"
_WORD = rf"(?:(?P<yes>yes\b|(?:是的|是)(?!{_HAN}))|(?P<no>no\b|(?:否|不是)(?!{_HAN})))"
_LEAD = (
    r"(?:(?:the|my|final|overall|verdict|judge?ment|answer|conclusion|decision|result|is|be|must|it|therefore|thus|so|"
    r"hence|clearly|definitely|a|an|clear|firm|i|say)\b[\s,:]*)*+"
)
_OPENING = re.compile(rf"\W*+{_LEAD}\W*+{_WORD}(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_CLOSING = re.compile(
    rf"(?P<before>.+?)(?:\b(?:so|therefore|thus|hence)\b|[:：]|所以|因此)[\s,:，]*{_LEAD}\W*{_WORD}(?P<rest>\W*)",
    re.IGNORECASE | re.DOTALL,
)
_JOINED = re.compile(r"\s*(?:and|or|nor|/|\||&|和|或|[-=]+>|→|\W*\Z)?\s*\W*(?:yes|no|是|否)\W*\Z", re.IGNORECASE)
_DOUBTED = re.compile(r"[^\w.!。]*[?？]|\W*or\s+rather\b", re.IGNORECASE)
_HEDGE = re.compile(
    r"\W*(?:(?:probably|maybe|perhaps|somewhat|only|not|with\s+(?:minor|some|a\s+few|small|one|reservations?))\b|"
    r"基本|部分|大致)",
    re.IGNORECASE,
)
"""Right behind a Yes, or before it; further on these words mostly say how a constraint is met."""
_TAKES_BACK = re.compile(
    r"\b(?:but|(?:al)?though|however|except\w*|exclud\w+|despite|yet|mostly|mainly|largely|partly|partial(?:ly)?|almost|"
    r"nearly|barring|while|whereas|(?:apart|aside)\s+from|save\s+for|other\s+than|with\s+exceptions?|in\s+part|"
    r"most\s+of|for\s+the\s+most\s+part|in\s+most\s+\w+|to\s+(?:some|a\s+\w+|an?\s+\w+)\s+(?:extent|degree)|"
    r"(?:does|do|did|is|are|was|were|has|have|can|could|should)(?:\s+not|n['’]t)\s+(?:\w+ly\s+)?"
    r"(?:follow|meet|met|satisf\w+|fulfil\w*|obey|adhere|comply|complied|respect\w*|correct|accurate|right)|"
    r"(?<!not )(?<!never )(?<!nothing )(?:fails?|violates|incorrect|inaccurate|wrong)|"
    r"no\s+(?:for|on|to|in)(?=\s+\w))\b|但|不过|然而|除了|除外",
    re.IGNORECASE,
)
"""Anywhere on the line of a Yes: what follows limits or denies it."""
_DETERMINER = re.compile(  # "No issue was found" is no No
    r"\s+(?!(?:it|the|this|that|there|because|since|as|due|but|and|although|for|i)\b)[^\W\d_]", re.IGNORECASE
)
_CONDITION = re.compile(
    r"\W*(?:if|unless|provided|assuming|when|except|only\s+if|如果|假如|除非)(?![^\W_])", re.IGNORECASE
)


def read_yes_no(value: str) -> bool | None:
    """True for a Yes, False for a No, None for anything that is not clearly either."""
    opening = _OPENING.match(value)
    if opening is not None:
        return _unless_taken_back(opening)
    closing = _CLOSING.fullmatch(value)
    if closing is None or CONDITIONAL.search(closing["before"]) or _HEDGE.match(closing["before"]):
        return None
    if closing["yes"] and _TAKES_BACK.search(closing["before"]):
        return None
    return _unless_taken_back(closing)


def _unless_taken_back(found: re.Match[str]) -> bool | None:
    rest = found["rest"]
    if _DOUBTED.match(rest) or (rest.strip() and _JOINED.fullmatch(rest) and re.search(r"[\w]", rest)):
        return None
    if found["yes"]:
        return None if _HEDGE.match(rest) or _TAKES_BACK.search(rest) or CONDITIONAL.search(rest) else True
    return None if _CONDITION.match(rest) or _DETERMINER.match(rest) else False
