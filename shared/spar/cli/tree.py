"""`spar tree`: the search tree of a prompt, each text as a word diff from its parent.

In colour, removed words are struck through. Without colour (a pipe, a file, NO_COLOR) changes are marked as by `git
diff --word-diff`: [-removed-] and {+added+}.
"""

from collections.abc import Sequence

import typer
from pydantic import TypeAdapter
from rich.text import Text
from rich.tree import Tree as Branch

from spar.cli.client import ApiOption
from spar.cli.console import out
from spar.cli.history import DirOption, FullOption, PromptArgument, RunArgument, open_histories
from spar.cli.status import JsonOption
from spar.commands import command
from spar.errors import DataError
from spar.method.records import Path, Tree
from spar.recipes.init import iteration_name
from spar.report.model import ExampleNode, ExamplePruned, ExampleTree
from spar.report.plain_text import excerpt, visible
from spar.report.reply_lines import ReplyLines
from spar.report.trees import example_tree
from spar.report.words import WordSpan

STYLES = {"same": "", "removed": "red strike", "added": "bold green"}
MARKS = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
TREES: TypeAdapter[list[Tree]] = TypeAdapter(list[Tree])


def tree(
    run: RunArgument,
    prompt: PromptArgument,
    directory: DirOption = None,
    api: ApiOption = None,
    full: FullOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the search tree of a prompt; with --full, every vote and reply too."""
    with open_histories(run, directory, api) as source:
        searched = [(history.iteration, history.tree) for history in source.find(prompt) if history.tree is not None]
    if not searched:
        where = ("--dir", str(directory)) if directory else ()
        raise DataError("This prompt was not searched.", f"See why: {command('explain', run, prompt, *where)}")
    if as_json:
        typer.echo(TREES.dump_json([found for _, found in searched], indent=2))
        return
    for iteration, found in searched:
        _print(example_tree(found, iteration))
        for line in ReplyLines(full=True).tree(found) if full else ():
            out.print(Text(line), soft_wrap=True)


def _print(shown: ExampleTree) -> None:
    ending = "solved" if shown.solved else "unsolved"
    out.print(Text(f"{iteration_name(shown.iteration)}, prompt {shown.prompt_id}: {ending}"))
    out.print(Text(visible(shown.prompt)))
    out.print(_branches(shown))


def _branches(shown: ExampleTree) -> Branch:
    """Sorted by path, so that a parent is always added before its children."""
    branches: dict[Path, Branch] = {}
    places: list[ExampleNode | ExamplePruned] = [*shown.nodes, *shown.pruned]
    for place in sorted(places, key=lambda place: place.path):
        if not place.path:
            branches[()] = Branch(Text(f"negative: {visible(place.text)}"))
            continue
        parent = branches[place.path[:-1]]
        if isinstance(place, ExamplePruned):
            parent.add(_pruned(place))
        else:
            branches[place.path] = parent.add(_label(place, place.path == shown.best))
    return branches[()]


def _pruned(place: ExamplePruned) -> Text:
    return Text(f"pruned as {place.reason} after {place.replies} replies, the last: {excerpt(place.text)}", style="dim")


def _label(node: ExampleNode, best: bool) -> Text:
    value = "V ?" if node.value is None else f"V {node.value:.2f}"
    unreadable = f", {node.unreadable} unreadable" if node.unreadable else ""
    votes = f"({node.yes} yes, {node.no} no{unreadable})"
    label = Text(f"{'* ' if best else ''}{value} {votes}  ", style="bold" if best else "")
    return label.append_text(difference(node.words, marked=out.color_system is None))


def difference(words: Sequence[WordSpan], *, marked: bool) -> Text:
    """The spans in one line; what changed is marked in the text itself if `marked`, else by style alone."""
    text = Text()
    for span in words:
        words_shown = visible(span.words)
        text.append(span.blanks or "")
        text.append(MARKS[span.kind].format(words_shown) if marked else words_shown, style=STYLES[span.kind])
    return text
