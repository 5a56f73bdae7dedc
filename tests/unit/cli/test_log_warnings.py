"""What a command's libraries log: warnings on stderr in words, never a line among the results on stdout."""

import json
from collections.abc import Iterator

import pytest
import structlog
from typer.testing import CliRunner

from spar.cli.console import log_warnings_shown
from spar.cli.main import COMMANDS, build_app


@pytest.fixture
def before() -> Iterator[dict[str, object]]:
    yield structlog.get_config()
    structlog.reset_defaults()


def test_warnings_go_to_stderr_in_words_and_the_rest_is_left_out(
    before: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    with log_warnings_shown():
        structlog.get_logger().info("request_sent")
        structlog.get_logger().warning("parameter_not_sent", parameter="seed")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "warning: parameter not sent: parameter seed\n")
    assert structlog.get_config() == before


def test_every_command_runs_so(before: dict[str, object]) -> None:
    seen = []
    app = build_app("recipe")

    @app.command("log")
    def log() -> None:
        seen.append(structlog.get_config() != before)
        structlog.get_logger().warning("a_warning")
        print(json.dumps({"points": 1}))

    done = CliRunner().invoke(app, ["log"])
    assert "log" not in COMMANDS
    assert json.loads(done.stdout) == {"points": 1}
    assert seen == [True]
    assert structlog.get_config() == before
