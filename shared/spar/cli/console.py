"""How the command line speaks: results on stdout, everything else on stderr; and how it tells an error.

Text of models, files and users is printed as it is: never read as markup.
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
    """Tell what happened, and below it what to do."""
    _tell("error", error.what, "bold red")
    if error.fix:
        _tell("fix", error.fix, "bold green")


def print_warning(text: str) -> None:
    _tell("warning", text, "bold yellow")


@contextmanager
def log_warnings_shown() -> Iterator[None]:
    """What is logged as a warning, or worse, is shown as one on stderr; the rest is left out.

    For every command: structlog's own default is stdout, where results are. A command that keeps a log sends it there
    by `spar.runtime.log`.
    """
    import logging

    import structlog

    before = structlog.get_config()
    structlog.configure(
        processors=[_worded],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: _Warnings(),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)


class _Warnings:
    """A logger of structlog's: every level is shown alike."""

    def _show(self, text: str) -> None:
        print_warning(text)

    warning = error = critical = exception = log = _show


def _worded(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    """`parameter_not_sent` and its fields, as a line to read."""
    name = str(event.pop("event")).replace("_", " ")
    fields = ", ".join(f"{key} {value}" for key, value in event.items() if key != "exc_info")
    return redact(f"{name}: {fields}" if fields else name)


def _tell(label: str, text: str, style: str) -> None:
    err.print(f"{label}:", style=style, end=" ")
    err.print(text, markup=False, soft_wrap=True)
