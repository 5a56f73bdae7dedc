"""Turns an actor's reply into a response. The text is the whole reply: an actor follows no form of ours."""

from spar.method.records import ReplyFailure, Response


def parse_response(index: int, text: str, finish_reason: str) -> Response:
    """Type response `index` of its prompt; `finish_reason` is "stop" or "length". Outer blanks are not content."""
    failure = None
    if not text.strip():
        failure = ReplyFailure.EMPTY
    elif finish_reason == "length":
        failure = ReplyFailure.CUT_OFF
    return Response(index, text.strip(), failure)
