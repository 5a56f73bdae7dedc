"""`respond`: the actor responds to the bare prompt, K times. The default."""

from collections.abc import Sequence

from spar.method.generating.base import GeneratingPolicy
from spar.method.records import Generated, Prompt, Response
from spar.method.responses import parse_response


def _arrange(prompt: Prompt, responses: Sequence[Response]) -> Generated:
    return Generated(prompt, tuple(responses))


RESPOND = GeneratingPolicy(name="respond", form=None, read=parse_response, arrange=_arrange)
