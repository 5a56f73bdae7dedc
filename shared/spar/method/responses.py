"""Turns an actor's reply into a response. The text is the whole reply: an actor's replies have no required form."""

from spar.method.records import ReplyFailure, Response


def parse_response(index: int, text: str, finish_reason: str) -> Response:
    """Type response `index` of its prompt; `finish_reason` is "stop" or "length". Outer blanks are not content.

    An empty reply at the limit is cut off: all of its tokens went into thoughts that the server does not show.
    """
    failure = None
    if finish_reason == "length":
        failure = ReplyFailure.CUT_OFF
    elif not text.strip():
        failure = ReplyFailure.EMPTY
    return Response(index, text.strip(), failure)
