"""Output of the command line: results on stdout; errors, warnings and progress on stderr.

Text of models, files and users is printed verbatim, never interpreted as markup.
"""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from spar.errors import SparError
from spar.redaction import redact

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_error(error: SparError) -> None:
    """Print what happened, and below it what to do."""
    _print_labelled("error", error.what, "bold red")
    if error.fix:
        _print_labelled("fix", error.fix, "bold green")


def print_warning(text: str) -> None:
    _print_labelled("warning", text, "bold yellow")


@contextmanager
def log_warnings_shown() -> Iterator[None]:
    """Show what is logged at level warning or above as a warning on stderr; drop the rest.

    Applies to every command: structlog's default is stdout, where results are. A command that keeps a log sets it up
    with `spar.runtime.log`.
    """
    import logging

    import structlog

    before = structlog.get_config()
    structlog.configure(
        processors=[_readable],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: _Warnings(),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)


class _Warnings:
    """A structlog logger that shows every level as a warning."""

    def _show(self, text: str) -> None:
        print_warning(text)

    warning = error = critical = exception = log = _show


def _readable(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    """`parameter_not_sent` and its fields as a readable line."""
    name = str(event.pop("event")).replace("_", " ")
    fields = ", ".join(f"{key} {value}" for key, value in event.items() if key != "exc_info")
    return redact(f"{name}: {fields}" if fields else name)


def _print_labelled(label: str, text: str, style: str) -> None:
    err.print(f"{label}:", style=style, end=" ")
    err.print(text, markup=False, soft_wrap=True)
