"""Each guard's figure over good rows, and over rows with the fault planted."""

import pytest

from spar.method.guards import Figure, Guard, TrainingRows, judgment_figures, row_figures
from spar.method.records import Example, ExampleKind, Judgment, Message, Node, Pair, Prompt, Tree, Verdict, Vote

GOOD = [Pair(prompt=Prompt.of(f"prompt {n}"), chosen=f"a b c d e {n}", rejected=f"a b c d f {n}") for n in range(4)]


def example(prompt: str, response: str) -> Example:
    messages = (Message("user", prompt), Message("assistant", response))
    return Example(Prompt.of(prompt).id, ExampleKind.RESPONSE, messages)


def judged(yes: int, no: int) -> Judgment:
    votes = (*[Vote("", Verdict.YES)] * yes, *[Vote("", Verdict.NO)] * no)
    label = None if yes == no else Verdict.YES if yes > no else Verdict.NO
    return Judgment(votes=votes, label=label, failure=None, value=yes / (yes + no), critique=None)


def tree_of(pair: Pair) -> Tree:
    """The search that made a pair."""
    nodes = (
        Node(path=(), text=pair.rejected, judgment=judged(0, 5)),
        Node(path=(0,), text=pair.chosen, judgment=judged(5, 0)),
    )
    return Tree(prompt=pair.prompt, nodes=nodes, best=(0,), solved=True)


@pytest.mark.parametrize(
    ("guard", "planted"),
    [
        (Guard.SAME, Pair(prompt=Prompt.of("x"), chosen="same  text", rejected="same text\n")),
        (Guard.EMPTY, Pair(prompt=Prompt.of("x"), chosen="a b", rejected=" \n")),
        (Guard.EMPTY, Pair(prompt=Prompt.of(" "), chosen="a b", rejected="a c")),
        (Guard.REPEATED_PROMPTS, Pair(prompt=Prompt.of("prompt  1"), chosen="a b c", rejected="a b d")),
        (Guard.REPEATED_ROWS, Pair(prompt=Prompt.of("prompt 1"), chosen="a b c d e 1", rejected="a b c d f 1 ")),
    ],
)
def test_one_planted_pair_is_a_fifth(guard: Guard, planted: Pair) -> None:
    before, after = (row_figures(TrainingRows(pairs=pairs))[guard] for pairs in (GOOD, [*GOOD, planted]))
    assert (before, after) == (Figure(value=0.0, rows=4), Figure(value=0.2, rows=5))


@pytest.mark.parametrize(
    ("guard", "planted"),
    [
        (Guard.EMPTY, example("x", " ")),
        (Guard.REPEATED_PROMPTS, example("p 1", "another")),
        (Guard.REPEATED_ROWS, example("p 1", "r 1")),
    ],
)
def test_examples_for_an_actor_are_measured_as_pairs_are(guard: Guard, planted: Example) -> None:
    good = [example(f"p {n}", f"r {n}") for n in range(4)]
    before, after = (row_figures(TrainingRows(actor_examples=rows))[guard].value for rows in (good, [*good, planted]))
    assert (before, after) == (0.0, 0.2)


def test_what_the_refiner_learns_counts_too() -> None:
    rows = TrainingRows(pairs=GOOD, refiner_examples=[example("x", ""), example("x", "")])
    figures = row_figures(rows)
    assert figures[Guard.EMPTY] == Figure(value=2 / 6, rows=6)
    assert figures[Guard.REPEATED_ROWS] == Figure(value=1 / 6, rows=6)
    assert figures[Guard.REPEATED_PROMPTS] == Figure(value=0.0, rows=4)  # several examples of a prompt are its method
    equal = [Pair(prompt=Prompt.of("judge"), chosen="a", rejected="a")]
    assert row_figures(TrainingRows(pairs=GOOD, judge_pairs=equal))[Guard.SAME].value == 0.2


def test_the_length_gap_is_the_same_in_both_directions() -> None:
    long, short = " ".join(["w"] * 300), "w w w"
    for chosen, rejected in ((long, short), (short, long)):
        pairs = [Pair(prompt=Prompt.of("x"), chosen=chosen, rejected=rejected)]
        assert row_figures(TrainingRows(pairs=pairs))[Guard.LENGTH_GAP] == Figure(value=100.0, rows=1)
    assert row_figures(TrainingRows(pairs=GOOD))[Guard.LENGTH_GAP].value == 1.0


def test_a_refinement_far_from_its_negative_shows_and_another_pair_does_not() -> None:
    far = Pair(prompt=Prompt.of("x"), chosen="a b c", rejected="p q r")
    figures = [row_figures(TrainingRows(pairs=[*GOOD, far]), trees) for trees in ([], [tree_of(far)])]
    assert [each[Guard.DISTANCE] for each in figures] == [Figure(value=0.0, rows=0), Figure(value=1.0, rows=1)]
    close = row_figures(TrainingRows(pairs=GOOD), [tree_of(pair) for pair in GOOD])[Guard.DISTANCE]
    assert close == Figure(value=pytest.approx(1 / 6), rows=4)


def test_labels_of_one_kind_and_narrow_majorities_show() -> None:
    balanced = judgment_figures([judged(5, 0), judged(0, 5), judged(4, 1), judged(1, 4)])
    assert (balanced[Guard.LABELS].value, balanced[Guard.MARGINS].value) == (0.5, 0.0)
    planted = judgment_figures([judged(5, 0), judged(5, 0), judged(3, 2), judged(3, 2), judged(2, 2)])
    assert planted[Guard.LABELS] == Figure(value=1.0, rows=4)
    assert planted[Guard.MARGINS] == Figure(value=0.5, rows=4)


def test_a_single_vote_has_no_margin() -> None:
    assert judgment_figures([judged(1, 0), judged(0, 1)])[Guard.MARGINS].rows == 0


def test_nothing_to_measure_is_no_fault() -> None:
    assert {figure.rows for figure in (row_figures(TrainingRows()) | judgment_figures([])).values()} == {0}
