"""The word-level vocabulary of the story world, and a conversation as token ids. Plain Python.

A token's position is its id: put new ones in the place of a spare, so that built-in models stay valid.
`spar.worlds.story.tokenizer` writes the same as a tokenizer.json; a test checks that the two agree.
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

SIZE = 256  # rows of the embeddings; those without a word are spare


def vocabulary() -> tuple[str, ...]:
    """All SIZE tokens; a token's position is its id."""
    numbers = tuple(str(number) for number in range(LARGEST_NUMBER + 1))
    used = (*SPECIAL, *MARKS, *FORMS, *LATER, *numbers, *CONTENT_WORDS)
    return (*used, *(f"<spare{i}>" for i in range(SIZE - len(used))))


IDS = {token: i for i, token in enumerate(vocabulary())}
ROLES = {"user": USER, "assistant": ASSISTANT, "system": SYSTEM}


def encode(text: str) -> list[int]:
    return [IDS.get(token, IDS[UNKNOWN]) for token in text.split()]


def encode_conversation(messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
    """Token ids, and for each whether it is trained on: every assistant turn's text and its end token."""
    ids: list[int] = []
    learned: list[bool] = []
    for message in messages:
        trained = message.role == "assistant"
        turn = [*encode(message.content), *([IDS[END]] if trained else [])]
        ids += [IDS[ROLES[message.role]], *turn]
        learned += [False, *([trained] * len(turn))]
    return ids, learned
