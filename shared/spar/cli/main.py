"""The `spar` command: a table of commands, each loaded only when it is called, so that `spar --help` answers at once.

Turns errors into messages and exit codes. What a command does lies in the module that the table names.
"""

import errno
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from spar.cli.console import log_warnings_shown, print_error
from spar.errors import PackageMissing, SparError, StoreError
from spar.packages import explained
from spar.redaction import redact_tracebacks

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lazy:
    """A command in a module of spar.cli: a function, or a typer app of sub-commands."""

    module: str
    attribute: str
    help: str

    def exists(self) -> bool:
        return find_spec(f"spar.cli.{self.module}") is not None

    def load(self) -> Callable[..., Any]:
        loaded: Callable[..., Any] = getattr(import_module(f"spar.cli.{self.module}"), self.attribute)
        return loaded


COMMANDS: dict[str, Lazy] = {
    "demo": Lazy(module="demo", attribute="demo", help="Train the story world's tiny models for three iterations."),
    "run": Lazy(module="run", attribute="run", help="Run a recipe in this process, or go on with a run that stopped."),
    "submit": Lazy(module="submit", attribute="submit", help="Submit a recipe to the API of a stack."),
    "watch": Lazy(module="watch", attribute="watch", help="Watch a run of the API until it ends."),
    "runs": Lazy(module="runs", attribute="runs", help="List the runs, here or of the API."),
    "status": Lazy(module="status", attribute="status", help="Tell how far a run is."),
    "cancel": Lazy(module="cancel", attribute="cancel", help="Cancel a run; what is done is kept."),
    "resume": Lazy(module="resume", attribute="resume", help="Go on with a run that was cancelled, failed or stopped."),
    "dead": Lazy(module="dead", attribute="app", help="List, show, retry or drop the steps that failed for good."),
    "report": Lazy(module="report", attribute="report", help="Write a run's report: one page and one JSON file."),
    "archive": Lazy(
        module="archive", attribute="archive", help="Write everything that belongs to one run into one file."
    ),
    "restore": Lazy(
        module="archive", attribute="restore", help="Restore an archived run into a home, here or on another machine."
    ),
    "compare": Lazy(
        module="compare", attribute="compare", help="Compare runs over the same items: gains, shared work, costs."
    ),
    "tree": Lazy(module="tree", attribute="tree", help="Show the search tree of a prompt."),
    "explain": Lazy(
        module="explain", attribute="explain", help="Tell every step that a prompt went through, and its outcome."
    ),
    "refine": Lazy(module="refine", attribute="refine", help="Search refinements for rows of {prompt, response}."),
    "decode": Lazy(
        module="decode", attribute="decode", help="Measure what a budget buys: best of n, refinement, tree search."
    ),
    "serve": Lazy(
        module="serve", attribute="serve", help="Serve two models as one OpenAI-compatible endpoint, with tree search."
    ),
    "recipe": Lazy(module="recipe", attribute="app", help="List the built-in recipes, show a recipe."),
    "prompts": Lazy(
        module="prompts", attribute="app", help="Bring prompts in from files and datasets; have a teacher evolve them."
    ),
    "sets": Lazy(module="sets", attribute="app", help="Bring training sets in that others made."),
    "export": Lazy(module="export", attribute="export", help="Write a run's training data as other trainers read it."),
    "push": Lazy(
        module="push", attribute="push", help="Send a run's data or a model to the Hugging Face hub; shows it first."
    ),
    "world": Lazy(module="world", attribute="app", help="Make the story world's models again, measure them."),
    "eval": Lazy(module="eval", attribute="evaluate", help="Measure a model on a benchmark, or score responses."),
    "fetch": Lazy(module="fetch", attribute="fetch", help="Fetch a benchmark's published data, checked by hash."),
    "reproduce": Lazy(
        module="reproduce",
        attribute="reproduce",
        help="Show a table or draw a figure of the paper, with our numbers beside it.",
    ),
    "synthetic": Lazy(
        module="synthetic", attribute="synthetic", help="Test the paper's Figure 4: refined against interfering pairs."
    ),
    "plan": Lazy(
        module="plan", attribute="plan", help="Say what a recipe needs before anything starts, and whether it fits."
    ),
    "doctor": Lazy(module="doctor", attribute="doctor", help="Check what is installed, reachable and missing."),
}


def main(arguments: Sequence[str] | None = None, build: Callable[[str | None], typer.Typer] | None = None) -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    redact_tracebacks()
    called = next((argument for argument in given if not argument.startswith("-")), None)
    try:
        (build or build_app)(called)(args=given, prog_name="spar")
    except SparError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except ModuleNotFoundError as error:
        missing = explained(error)
        if not isinstance(missing, PackageMissing):
            raise
        print_error(missing)
        sys.exit(missing.exit_code)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        print_error(_disk_error(error))
        sys.exit(StoreError.exit_code)


def build_app(called: str | None) -> typer.Typer:
    """The command line with the called command loaded, and of the others only what `--help` lists."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.callback()(_root)
    for name, lazy in COMMANDS.items():
        if not lazy.exists():
            continue
        command = lazy.load() if name == called else _only_listed
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, help=lazy.help)
        else:
            app.command(name, help=None if name == called and command.__doc__ else lazy.help)(command)
    return app


def _only_listed() -> None:
    """Stands in a listing for a command that is not loaded; never called."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spar {metadata.version('spar')}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Self-play with tree-search refinement: an actor and a refiner that train each other."""
    context.with_resource(log_warnings_shown())


def _disk_error(error: OSError) -> StoreError:
    place = f" {error.filename}" if error.filename else ""
    return StoreError(
        f"Cannot write{place}: {error.strerror}.",
        "Free space or choose another folder that can be written, then run the same command again: it resumes"
        " where it stopped.",
    )


if __name__ == "__main__":
    main()
