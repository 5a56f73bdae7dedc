"""`spar tree`: the search tree of a prompt, each text as the word difference from its parent."""

from rich.text import Text
from rich.tree import Tree as Branch

from spar.cli.console import out
from spar.cli.history import DirOption, PromptArgument, RunArgument, histories
from spar.errors import DataError
from spar.recipes.init import iteration_name
from spar.report.model import ExampleNode
from spar.report.trees import example_tree
from spar.report.words import WordSpan

STYLES = {"same": "", "removed": "red strike", "added": "bold green"}


def tree(run: RunArgument, prompt: PromptArgument, directory: DirOption = None) -> None:
    """Show the search tree of a prompt."""
    found = [history for history in histories(run, prompt, directory) if history.tree is not None]
    if not found:
        raise DataError("This prompt was not searched.", f"See why: spar explain {run} {prompt}")
    for history in found:
        assert history.tree is not None  # filtered above
        shown = example_tree(history.tree, history.iteration)
        ending = "solved" if shown.solved else "unsolved"
        out.print(Text(f"{iteration_name(history.iteration)}, prompt {shown.prompt_id}: {ending}"))
        out.print(Text(shown.prompt))
        out.print(_branches(shown.nodes, shown.best))


def _branches(nodes: tuple[ExampleNode, ...], best: tuple[int, ...] | None) -> Branch:
    """Nodes come sorted by path, so a parent is always there before its children."""
    branches: dict[tuple[int, ...], Branch] = {}
    for node in nodes:
        if node.path:
            branches[node.path] = branches[node.path[:-1]].add(_label(node, node.path == best))
        else:
            branches[()] = Branch(Text(f"negative: {node.text}"))
    return branches[()]


def _label(node: ExampleNode, best: bool) -> Text:
    value = "V ?" if node.value is None else f"V {node.value:.2f}"
    label = Text(f"{'* ' if best else ''}{value} ({node.yes} yes, {node.no} no)  ", style="bold" if best else "")
    return label.append_text(difference(node.words))


def difference(words: tuple[WordSpan, ...]) -> Text:
    text = Text()
    for span in words:
        text.append(span.blanks or "").append(span.words, style=STYLES[span.kind])
    return text
