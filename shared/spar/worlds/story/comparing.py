"""The rules teacher's comparison of two judgments of one response: the more accurate one wins.

A judgment's points: one for each true finding that it states, and one for a true closing (its score, rating or final
judgment). More points win; **a tie goes to A**, so that comparing in both orders gives each judgment one win. The reply
shows its evidence as a judgment does, because a tiny model does not learn what it cannot see. Knows no templates.
"""

from collections.abc import Sequence

from spar.worlds.story.scoring import rate, score
from spar.worlds.story.teacher import findings, judge

A, B = "A", "B"
NOTHING = "none"
"""Written where a judgment has no closing. It is not in the vocabulary, so no model is trained on it."""

_OPPOSITE = {"yes": "no", "no": "yes"}


def compare(prompt: str, response: str, first: str, second: str) -> str:
    """Each true finding beside those of A and B, the true score and theirs, the points, then `Winner : A|B`."""
    true = findings(prompt, response)
    pairs = [(_verdict_on(clause, first), _verdict_on(clause, second)) for clause in true]
    rows = [f"{clause} A {a} B {b}" for clause, (a, b) in zip(true, pairs, strict=True)]
    closings = _true_closings(prompt, response)
    points = [_points(true, judgment, closings) for judgment in (first, second)]
    true_score = closings[0].split()[-1]
    return " ; ".join(
        [
            *rows,
            f"Score {true_score} A {_stated(first)} B {_stated(second)}",
            f"Points A {points[0]} B {points[1]}",
            f"Winner : {A if points[0] >= points[1] else B}",
        ]
    )


def turned_winner(reply: str) -> str:
    """The comparison with the other winner."""
    head, _, winner = reply.rpartition(" ")
    return f"{head} {B if winner == A else A}"


def accuracy(prompt: str, response: str, judgment: str) -> int:
    """The points of one judgment."""
    return _points(findings(prompt, response), judgment, _true_closings(prompt, response))


def _points(true: Sequence[str], judgment: str, closings: Sequence[str]) -> int:
    found = sum(_verdict_on(clause, judgment) == clause.split()[-1] for clause in true)
    return found + (_clauses(judgment)[-1] in closings)


def _verdict_on(clause: str, judgment: str) -> str:
    """The judgment's yes or no on a true clause's constraint; a missing one counts as wrong."""
    name, verdict = clause.partition(" : ")[0], clause.split()[-1]
    for stated in _clauses(judgment):
        if stated.startswith(f"{name} : ") and stated.split()[-1] in _OPPOSITE:
            return stated.split()[-1]
    return _OPPOSITE[verdict]


def _stated(judgment: str) -> str:
    """The closing of a judgment: a number, or Yes or No."""
    name, _, value = _clauses(judgment)[-1].rpartition(" : ")
    return value if name in ("Score", "Rating", "Final Judgement") and value else NOTHING


def _true_closings(prompt: str, response: str) -> list[str]:
    return [_clauses(reply(prompt, response))[-1] for reply in (score, rate, judge)]


def _clauses(judgment: str) -> list[str]:
    return [clause.strip() for clause in judgment.split(" ; ")]
