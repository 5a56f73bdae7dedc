"""`instruct`: the prompts are unlabelled texts, and the backward model writes the instruction that each could be the
response to (Humpback, arXiv 2308.06259). From then on the instruction is the prompt, and the text its one response.
"""

from collections.abc import Sequence
from dataclasses import replace

from spar.method.generating.base import GeneratingPolicy
from spar.method.records import Generated, Prompt, ReplyFailure, Response
from spar.method.responses import parse_response


def _arrange(prompt: Prompt, responses: Sequence[Response]) -> Generated:
    """A failed reply keeps its reason: the text then has no instruction by which it could be judged.

    An instruction that was cut off is a failure too, though a response that was cut off can be judged.
    """
    written = responses[0]
    failure = ReplyFailure.UNPARSABLE if written.failure is ReplyFailure.CUT_OFF else written.failure
    return Generated(Prompt.of(written.text), (replace(written, text=prompt.text, failure=failure),))


INSTRUCT = GeneratingPolicy(name="instruct", form="instruct", read=parse_response, arrange=_arrange, backward=True)
