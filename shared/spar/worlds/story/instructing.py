"""The rules teacher as a writer of prompts: for an unlabelled text, and more demanding ones from a simple one.

Also makes the unlabelled texts for which a backward model writes instructions (Humpback, arXiv 2308.06259). Knows no
verdicts and no templates.
"""

import random
from collections.abc import Sequence

from spar.worlds.story.prompts import HOW_MANY, KINDS, WORD_COUNTS, Split, generate_prompts
from spar.worlds.story.rules import Constraint, StoryPrompt, content_words, holds, parse_prompt
from spar.worlds.story.teacher import respond
from spar.worlds.story.words import CONTENT_WORDS, TOPIC_OF

MOST_ADDED = 3  # constraints that evolution adds to the main one (arXiv 2412.11605)


def instruct(text: str, rng: random.Random) -> str:
    """A prompt that the text follows, with kinds drawn as in `draw_prompt` among those that the text allows."""
    count = rng.choices(list(HOW_MANY), weights=list(HOW_MANY.values()))[0]
    chosen: list[Constraint] = []
    for kind in rng.sample(KINDS, len(KINDS)):
        taken = {constraint.argument for constraint in chosen}
        arguments = [word for word in _arguments(kind, text) if word not in taken]
        if arguments and len(chosen) < count:
            chosen.append(Constraint(kind=kind, argument=rng.choice(arguments)))
    return _ordered(chosen)


def misinstruct(text: str, rng: random.Random) -> str:
    """The same with one constraint that the text breaks."""
    constraints = parse_prompt(instruct(text, rng)).constraints
    slip = rng.randrange(len(constraints))
    kind = rng.choice([kind for kind in KINDS if kind != "finish"])
    named = {c.argument for c in constraints}
    wrong = [w for w in _possible(kind) if w not in named and not holds(Constraint(kind=kind, argument=w), text)]
    others = [c for i, c in enumerate(constraints) if i != slip and c.kind != kind]
    return _ordered([*others, Constraint(kind=kind, argument=rng.choice(wrong))]) if wrong else misinstruct(text, rng)


def unlabelled_texts(count: int, seed: int, split: Split = "train") -> list[str]:
    """`count` texts without the prompts they were written for, which are of the given split."""
    rng = random.Random(f"story-texts:{split}:{seed}")
    return [respond(prompt, rng) for prompt in generate_prompts(count, seed, split)]


def evolve(prompt_text: str, main: str, rng: random.Random) -> tuple[str, tuple[str, ...]] | None:
    """The prompt with a constraint of the kind `main` and 1 to MOST_ADDED more, and the kinds of the latter.

    A prompt that already has the kind `main` keeps its own. None if it has all other kinds, so nothing can be added.
    """
    prompt = parse_prompt(prompt_text)
    missing = [kind for kind in KINDS if prompt.get(kind) is None]
    others = [kind for kind in missing if kind != main]
    if not others:
        return None
    more = rng.sample(others, min(len(others), rng.randint(1, MOST_ADDED)))
    words = iter(rng.sample([word for word in CONTENT_WORDS if word not in prompt.words()], len(KINDS)))
    new = [kind for kind in missing if kind == main or kind in more]
    added = [Constraint(kind=kind, argument=_draw(kind, next(words), rng)) for kind in new]
    return _ordered([*prompt.constraints, *added]), tuple(more)


def _ordered(constraints: Sequence[Constraint]) -> str:
    return str(StoryPrompt(tuple(sorted(constraints, key=lambda c: KINDS.index(c.kind)))))


def _possible(kind: str) -> Sequence[str]:
    """Every argument that the kind can take."""
    match kind:
        case "words":
            return [str(number) for number in WORD_COUNTS]
        case "finish":
            return ["!"]
    return CONTENT_WORDS


def _arguments(kind: str, text: str) -> list[str]:
    """The kind's arguments that the text follows. A wanted word is inside; the ends are other kinds' words."""
    if kind == "with":
        return [word for word in content_words(text)[1:-1] if word in TOPIC_OF]
    return [argument for argument in _possible(kind) if holds(Constraint(kind=kind, argument=argument), text)]


def _draw(kind: str, word: str, rng: random.Random) -> str:
    return word if kind not in ("words", "finish") else rng.choice(list(_possible(kind)))
