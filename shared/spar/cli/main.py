"""The `spar` command: a table of commands, each loaded only when it is called, so that `spar --help` answers at once.

Turns errors into messages and exit codes. What a command does is in the module that the table names.
"""

import errno
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from spar.cli.console import log_warnings_shown, print_error
from spar.errors import PackageMissing, RecipeError, SparError, StoreError
from spar.packages import explained
from spar.redaction import redact_tracebacks

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
PATH_ERRORS = (errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EEXIST)


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
    "run": Lazy(module="run", attribute="run", help="Run a recipe in this process, or resume its run."),
    "submit": Lazy(module="submit", attribute="submit", help="Submit a recipe to the API of a stack."),
    "watch": Lazy(module="watch", attribute="watch", help="Watch a run of the API until it ends."),
    "runs": Lazy(module="runs", attribute="runs", help="List the runs, here or of the API."),
    "status": Lazy(module="status", attribute="status", help="Show a run's progress."),
    "cancel": Lazy(module="cancel", attribute="cancel", help="Cancel a run; its results are kept."),
    "resume": Lazy(module="resume", attribute="resume", help="Resume a run that was cancelled, failed or stopped."),
    "dead": Lazy(module="dead", attribute="app", help="List, show, retry or drop a run's dead letters."),
    "report": Lazy(module="report", attribute="report", help="Write a run's report: one page and one JSON file."),
    "profile": Lazy(
        module="profile", attribute="profile", help="Show where a run's time went, and what would make it faster."
    ),
    "archive": Lazy(module="archive", attribute="archive", help="Archive a run and all its data in one file."),
    "restore": Lazy(module="archive", attribute="restore", help="Restore an archived run into a home."),
    "compare": Lazy(
        module="compare", attribute="compare", help="Compare runs on the same items: gains, shared work, costs."
    ),
    "tree": Lazy(module="tree", attribute="tree", help="Show the search tree of a prompt."),
    "explain": Lazy(
        module="explain", attribute="explain", help="Show every step that a prompt went through, and its outcome."
    ),
    "refine": Lazy(module="refine", attribute="refine", help="Refine given responses by tree search."),
    "decode": Lazy(module="decode", attribute="decode", help="Compare decoding strategies over inference budgets."),
    "serve": Lazy(module="serve", attribute="serve", help="Serve two models with tree search, OpenAI-compatible."),
    "recipe": Lazy(module="recipe", attribute="app", help="List built-in recipes, show a recipe."),
    "prompts": Lazy(
        module="prompts", attribute="app", help="Import prompts; evolve them, or write checkers, with a teacher."
    ),
    "sets": Lazy(module="sets", attribute="app", help="Import training sets made elsewhere."),
    "export": Lazy(module="export", attribute="export", help="Export training data for other trainers, or a model."),
    "push": Lazy(
        module="push",
        attribute="push",
        help="Upload a run's data or a model to the Hugging Face Hub.",
    ),
    "world": Lazy(module="world", attribute="app", help="Retrain or measure the story world's models."),
    "eval": Lazy(module="eval", attribute="evaluate", help="Evaluate a model on a benchmark, or score responses."),
    "fetch": Lazy(module="fetch", attribute="fetch", help="Download a benchmark's published data, verified by hash."),
    "reproduce": Lazy(
        module="reproduce",
        attribute="reproduce",
        help="Show a table or draw a figure of the paper beside our numbers.",
    ),
    "synthetic": Lazy(
        module="synthetic", attribute="synthetic", help="Test the paper's Figure 4: refined versus interfering pairs."
    ),
    "plan": Lazy(module="plan", attribute="plan", help="Estimate what a recipe needs, and whether it fits this host."),
    "doctor": Lazy(module="doctor", attribute="doctor", help="Check what is installed, reachable or missing."),
}


def main(arguments: Sequence[str] | None = None, build: Callable[[str | None], typer.Typer] | None = None) -> None:
    """Run the command named by the arguments and end the process with its exit code."""
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
        explanation = _disk_error(error) if error.errno in DISK_ERRORS else _path_error(error, given)
        if explanation is None:
            raise
        print_error(explanation)
        sys.exit(explanation.exit_code)


def build_app(called: str | None) -> typer.Typer:
    """The command line with the called command loaded; the others only as `--help` lists them."""
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
    """Placeholder in the listing for a command that is not loaded; never called."""


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


def _path_error(error: OSError, given: Sequence[str]) -> RecipeError | None:
    """Of a path that the user gave, or one beside or below it; any other missing file is a fault of the program."""
    if error.errno not in PATH_ERRORS or not isinstance(error.filename, str):
        return None
    path = Path(error.filename)
    named = [Path(argument.rpartition("=")[2]) for argument in given if not argument.startswith("-") or "=" in argument]
    if not any(path == each or each in path.parents or path in each.parents for each in named if each != Path()):
        return None
    return RecipeError(f"Cannot use {path}: {error.strerror}.", "Check the path.")


def _disk_error(error: OSError) -> StoreError:
    place = f" {error.filename}" if error.filename else ""
    return StoreError(
        f"Cannot write{place}: {error.strerror}.",
        "Free space or choose another writable folder, then run the same command again: it resumes where it stopped.",
    )


if __name__ == "__main__":
    main()
