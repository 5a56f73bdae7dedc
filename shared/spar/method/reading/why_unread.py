"""Types a reply in which the form could not be read."""

from spar.method.records import ReplyFailure


def why_unread(reply: str, finish_reason: str) -> ReplyFailure:
    """The limit explains a missing form, and an empty reply too: all of its tokens may have gone into thoughts."""
    if finish_reason == "length":
        return ReplyFailure.CUT_OFF
    return ReplyFailure.UNPARSABLE if reply.strip() else ReplyFailure.EMPTY
