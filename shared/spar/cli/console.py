"""How the command line speaks: results on stdout, everything else on stderr; and how it tells an error.

Text of models, files and users is printed as it is: never read as markup.
"""

from rich.console import Console

from spar.errors import SparError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_error(error: SparError) -> None:
    """Tell what happened, and below it what to do."""
    _tell("error", error.what, "bold red")
    if error.fix:
        _tell("fix", error.fix, "bold green")


def print_warning(text: str) -> None:
    _tell("warning", text, "bold yellow")


def _tell(label: str, text: str, style: str) -> None:
    err.print(f"{label}:", style=style, end=" ")
    err.print(text, markup=False, soft_wrap=True)
