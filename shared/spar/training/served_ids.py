"""Compares the ids that rows are trained on with those that an engine feeds the model: they must be the same.

What is served is the whole conversation encoded at once by the tokenizer's own chat template; what is trained on is put
together turn by turn (`spar.training.tokenize`). Where a tokenizer merges across a turn's border, or a template and a
tokenizer each write a BOS, the two are not the same, and the model learns after a prompt that it never gets.
"""

from collections.abc import Sequence

from spar.checkpoints.chat_template import encode_prompt
from spar.method.records import Example, Message, Pair
from spar.training.tokenize import IGNORED, PairIds, Tokenizer


def differing(tokenizer: Tokenizer, rows: Sequence[Pair | Example]) -> list[bool]:
    """Of each row: whether its last reply is learned after other ids than are served, or after BOS twice."""
    return [_differs(tokenizer, row) for row in rows]


def _differs(tokenizer: Tokenizer, row: Pair | Example) -> bool:
    served = encode_prompt(tokenizer.hf, _prompt(row))
    bos = tokenizer.hf.bos_token_id
    if bos is not None and served[:2] == [bos, bos]:
        return True
    sample = tokenizer.sample(row)
    if isinstance(sample, PairIds):
        return sample.prompt_ids != served
    return sample.input_ids[: len(served)] != served or IGNORED in sample.labels[len(served) :]


def _prompt(row: Pair | Example) -> Sequence[Message]:
    """What comes before the last reply."""
    if isinstance(row, Pair):
        return (Message("user", row.prompt.text),)
    last = max(place for place, message in enumerate(row.messages) if message.role == "assistant")
    return row.messages[:last]
