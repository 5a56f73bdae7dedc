"""Logs: a constant event name with fields, one JSON object a line, to a file or stderr. None holds a credential."""

import logging
import sys
from pathlib import Path

import structlog

from spar.redaction import redact_all


class LogFile(logging.FileHandler):
    """A file that may become unwritable, as on a full disk: that is reported once, in one line, and work continues."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:
        if not self._told:
            self._told = True
            print(f"warning: {self.baseFilename} cannot be written: {sys.exc_info()[1]}", file=sys.stderr)


def log_to(path: Path | None) -> None:
    """Send this process's logs, Celery's included, to a file, or to stderr (None)."""
    handler = logging.StreamHandler() if path is None else LogFile(path, encoding="utf-8")
    processors: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _without_credentials,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    before, root.handlers[:] = list(root.handlers), [handler]
    for earlier in before:
        if isinstance(earlier, LogFile):
            earlier.close()
    root.setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it logs every check of the schema
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _without_credentials(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {name: redact_all(value) for name, value in event.items()}
