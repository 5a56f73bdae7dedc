"""The rules teacher: writes responses, critiques with their evidence, and minimal refinements.

Everything is a pure function of its arguments and the given random source; it knows no model and no engine. The
evidence in a critique was chosen by measurement: a tiny model did not learn `with W : yes` alone, but did when the
critique lists the response up to W.
"""

import random

from spar.worlds.story.edits import refined_text
from spar.worlds.story.rules import FORM, Constraint, content_words, holds, parse_prompt, well_formed
from spar.worlds.story.writing import write

LARGEST_NUMBER = 30  # the vocabulary's largest; longer counts are written as this
START_MARK, END_MARK = "[[start]]", "[[end]]"


def respond(prompt: str, rng: random.Random, error_rate: float = 0.0) -> str:
    """A response that breaks each constraint with probability `error_rate`."""
    parsed = parse_prompt(prompt)
    return write(parsed, [c for c in parsed.constraints if rng.random() < error_rate], rng)


def respond_breaking(prompt: str, rng: random.Random, count: int) -> str:
    """A response that breaks exactly `count` constraints, or all if there are fewer."""
    parsed = parse_prompt(prompt)
    return write(parsed, rng.sample(parsed.constraints, min(count, len(parsed.constraints))), rng)


def judge(prompt: str, response: str) -> str:
    """The complete critique: the findings, then the final judgment."""
    return _judged(findings(prompt, response))


def misjudge(prompt: str, response: str, rng: random.Random) -> str:
    """The critique with one constraint's yes or no flipped, and the final judgment to match."""
    return _judged(turned(findings(prompt, response), rng))


def findings(prompt: str, response: str) -> list[str]:
    """One clause for each constraint: its evidence, then yes or no. One more, always no, for a broken form."""
    clauses = [f"{c} : {_evidence(c, response)}" for c in parse_prompt(prompt).constraints]
    return clauses if well_formed(response) else [*clauses, f"{FORM} : no"]


def turned(clauses: list[str], rng: random.Random) -> list[str]:
    """The clauses with one finding's yes or no flipped."""
    slip = rng.randrange(len(clauses))
    evidence, _, verdict = clauses[slip].rpartition(" ")
    return [*clauses[:slip], f"{evidence} {'no' if verdict == 'yes' else 'yes'}", *clauses[slip + 1 :]]


def _judged(clauses: list[str]) -> str:
    good = all(clause.endswith(" yes") for clause in clauses)
    return " ; ".join([*clauses, f"Final Judgement : {'Yes' if good else 'No'}"])


def _evidence(constraint: Constraint, response: str) -> str:
    verdict = "yes" if holds(constraint, response) else "no"
    return " ".join(["got", *_shown(constraint, response), verdict])


def _shown(constraint: Constraint, response: str) -> list[str]:
    """The evidence of a verdict: one word, the count, or the words up to the one in question."""
    words = content_words(response)
    match constraint.kind:
        case "start":
            return words[:1]
        case "end":
            return words[-1:]
        case "words":
            return [str(min(len(words), LARGEST_NUMBER))]
        case "finish":
            return response.split()[-1:]
    if constraint.argument in words:
        return words[: words.index(constraint.argument) + 1]
    return words


def refine(prompt: str, response: str, rng: random.Random) -> str:
    """The complete refine reply: the response, changed only where it breaks the prompt, between the markers.

    It needs no critique, since it checks the response itself.
    """
    return marked(refined_text(prompt, response, rng))


def marked(text: str) -> str:
    return f"{START_MARK} {text} {END_MARK}"
