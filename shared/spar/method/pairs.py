"""Makes the actor's preference pairs: a refinement over its negative, or a good over a bad sample (no_refinement)."""

from collections.abc import Sequence, Set
from random import Random

from spar.method.negatives import choose_negative, good_and_whole
from spar.method.outcomes import unsolved
from spar.method.records import Example, JudgedPrompt, Outcome, Pair, Tree


def refined_pair(tree: Tree) -> Pair | Outcome:
    """Chosen: the solved tree's best text. Rejected: the ROOT's, whatever the path between them.

    A solution that repeats the root (a refinement of a refinement can come back to it) solves nothing: UNSOLVED.
    """
    if not tree.solved or tree.best is None:
        return unsolved(tree)
    chosen, rejected = tree.node(tree.best).text, tree.node(()).text
    if chosen.strip() == rejected.strip():
        return Outcome.UNSOLVED
    return Pair(prompt=tree.prompt, chosen=chosen, rejected=rejected)


def sampled_pair(judged: JudgedPrompt, seed: int) -> Pair | Outcome:
    """Chosen and rejected drawn from the prompt's good and bad responses; UNSOLVED if none is good.

    With the seed of `choose_negative` the rejected response is the one that a search would have refined.
    """
    negative = choose_negative(judged, seed)
    if isinstance(negative, Outcome):
        return negative
    rejected = negative.response.text
    texts = [good.response.text for good in good_and_whole(judged)]
    good = [text for text in texts if text.strip() != rejected.strip()]
    if not good:
        return Outcome.UNSOLVED
    return Pair(prompt=judged.prompt, chosen=Random(seed + 1).choice(good), rejected=rejected)


def mark_contaminated(
    results: Sequence[Pair | Example | Outcome], measured: Set[str]
) -> list[Pair | Example | Outcome]:
    """The same results, with CONTAMINATED for each row whose prompt is among the ids of the evaluations' prompts."""
    return [
        Outcome.CONTAMINATED if not isinstance(result, Outcome) and _prompt_id(result) in measured else result
        for result in results
    ]


def mark_duplicates(results: Sequence[Pair | Example | Outcome]) -> list[Pair | Example | Outcome]:
    """The same results, with DUPLICATE for each row whose prompt has an earlier row."""
    taken: set[str] = set()
    marked: list[Pair | Example | Outcome] = []
    for result in results:
        if isinstance(result, Outcome):
            marked.append(result)
            continue
        prompt_id = _prompt_id(result)
        marked.append(Outcome.DUPLICATE if prompt_id in taken else result)
        taken.add(prompt_id)
    return marked


def _prompt_id(row: Pair | Example) -> str:
    return row.prompt.id if isinstance(row, Pair) else row.prompt_id
