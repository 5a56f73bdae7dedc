"""The word-level vocabulary of the story world, and a conversation as token ids. Plain Python.

A token's place is its id: add new ones in the place of a spare, and carried models keep their meaning.
`spar.worlds.story.tokenizer` writes the same as a tokenizer.json; a test holds the two together.
"""

from collections.abc import Sequence

from spar.method.records import Message
from spar.worlds.story.teacher import LARGEST_NUMBER
from spar.worlds.story.words import CONTENT_WORDS, MARKS

PAD, UNKNOWN, END, USER, ASSISTANT, SYSTEM = "<pad>", "<unk>", "<end>", "<user>", "<assistant>", "<system>"
SPECIAL = (PAD, UNKNOWN, END, USER, ASSISTANT, SYSTEM)

FORMS = (
    *("start", "end", "words", "with", "without", "finish", "form"),
    *("Judge", "Response", "Prompt", "Refine", "got", "yes", "no", "Final", "Judgement", "Yes", "No"),
    *(":", ";", "[[start]]", "[[end]]"),
)
LATER = (
    *("Score", "Rating", "Rate", "Compare", "Better", "A", "B", "Tie", "Winner", "Choice"),
    *(
        "Instruction",
        "Write",
        "Text",
        "Feedback",
        "Criteria",
        "Points",
        "Total",
        "Check",
        "Reason",
        "Because",
    ),
)
"""Words for skills that later recipes teach (scoring, rating, comparing, writing instructions)."""

SIZE = 256  # the embeddings' rows: what the words leave free is spare


def vocabulary() -> tuple[str, ...]:
    """All SIZE tokens; a token's place is its id."""
    numbers = tuple(str(number) for number in range(LARGEST_NUMBER + 1))
    used = (*SPECIAL, *MARKS, *FORMS, *LATER, *numbers, *CONTENT_WORDS)
    return (*used, *(f"<spare{i}>" for i in range(SIZE - len(used))))


IDS = {token: i for i, token in enumerate(vocabulary())}
ROLES = {"user": USER, "assistant": ASSISTANT, "system": SYSTEM}


def encode(text: str) -> list[int]:
    return [IDS.get(token, IDS[UNKNOWN]) for token in text.split()]


def encode_conversation(messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
    """Token ids, and for each whether it is learned: every assistant turn's text and its end token."""
    ids: list[int] = []
    learned: list[bool] = []
    for message in messages:
        said = message.role == "assistant"
        turn = [*encode(message.content), *([IDS[END]] if said else [])]
        ids += [IDS[ROLES[message.role]], *turn]
        learned += [False, *([said] * len(turn))]
    return ids, learned
