"""Writes the conversations that the refiner can be trained on, from trees and judged responses. Selects none."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from spar.method.pairs import refined_pair
from spar.method.records import (
    Example,
    ExampleKind,
    JudgedPrompt,
    Judgment,
    Message,
    Pair,
    Prompt,
    Tree,
    Verdict,
)
from spar.method.templates import TemplateSet
from spar.method.voting import critique_to_refine

_TREE_KINDS = {Verdict.YES: ExampleKind.TREE_YES, Verdict.NO: ExampleKind.TREE_NO}
_RESPONSE_KINDS = {Verdict.YES: ExampleKind.RESPONSE_YES, Verdict.NO: ExampleKind.RESPONSE_NO}


JudgePrompting = Callable[[str, str], tuple[Message, ...]]
"""(prompt, response) -> the turn that asks a judge about them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible example, with the facts that its selection depends on."""

    example: Example
    contested: bool
    """Whether a parsable vote dissents: 0 < V < 1. Not meaningful for a refinement."""
    tree: int | None = None
    """Which tree a tree judgment comes from."""

    @property
    def judge_prompt(self) -> Message:
        return self.example.messages[0]


def refinement_candidates(trees: Sequence[Tree], templates: TemplateSet) -> Iterator[Candidate]:
    """The solving step of each tree that gives a pair: judge prompt on the best node's parent, critique, its reply."""
    for tree in trees:
        if not isinstance(refined_pair(tree), Pair) or not tree.best:
            continue
        child, parent = tree.node(tree.best), tree.node(tree.best[:-1])
        critique = critique_to_refine(parent.judgment)
        if child.reply is None or critique is None:
            continue
        question = templates.refine_messages(tree.prompt.text, parent.text, critique)
        messages = (*question, Message("assistant", child.reply))
        yield Candidate(Example(tree.prompt.id, ExampleKind.REFINEMENT, messages), contested=False)


def tree_candidates(trees: Sequence[Tree], templates: TemplateSet) -> Iterator[Candidate]:
    """The labelled judgments of nodes, except of the root and of nodes that repeat its text: that is a response's."""
    for number, tree in enumerate(trees):
        root = tree.nodes[0].text.strip()
        for node in tree.nodes:
            if node.path and node.text.strip() != root and node.judgment.label is not None:
                kind = _TREE_KINDS[node.judgment.label]
                yield _judgment(tree.prompt, node.text, node.judgment, kind, templates.judge_messages, number)


def response_candidates(judged: Sequence[JudgedPrompt], judge_prompt: JudgePrompting) -> Iterator[Candidate]:
    """The labelled judgments of actor responses, as they were drawn."""
    for row in judged:
        for item in row.responses:
            if item.judgment is not None and item.judgment.label is not None:
                kind = _RESPONSE_KINDS[item.judgment.label]
                yield _judgment(row.prompt, item.response.text, item.judgment, kind, judge_prompt, None)


def _judgment(
    prompt: Prompt, text: str, judgment: Judgment, kind: ExampleKind, judge_prompt: JudgePrompting, tree: int | None
) -> Candidate:
    critique = Message("assistant", judgment.critique or "")
    messages = (*judge_prompt(prompt.text, text), critique)
    contested = judgment.value is not None and 0 < judgment.value < 1
    return Candidate(Example(prompt.id, kind, messages), contested, tree)
