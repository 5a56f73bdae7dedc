"""Separates a reply from the thoughts that precede it. Thoughts are drafts: no form is read in them."""

import re

_OPENS = re.compile(r"\s*(?:<think(?:ing)?>|\[THINK\])", re.IGNORECASE)
_CLOSES = re.compile(r"</think(?:ing)?>|\[/THINK\]", re.IGNORECASE)


def after_thoughts(reply: str) -> str | None:
    """The reply below its thinking block; None where that block never closes. Some servers send only its end mark."""
    opens, closes = _OPENS.match(reply), _CLOSES.search(reply)
    if closes is not None and (opens is not None or "<think" not in reply[: closes.start()].lower()):
        return reply[closes.end() :]
    return reply if opens is None else None
