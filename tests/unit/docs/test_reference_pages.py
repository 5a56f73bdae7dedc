"""The reference pages name what there is: every command, every exit code, every environment variable."""

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from services.api.settings import ApiSettings
from services.gateway.settings import GatewaySettings
from spar import errors
from spar.cli import exits
from spar.cli.main import COMMANDS
from spar.runtime.settings import Settings

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
COMMANDS_PAGE = (REFERENCE / "commands.md").read_text(encoding="utf-8")
ENVIRONMENT_PAGE = (REFERENCE / "environment.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed(command: str) -> None:
    assert re.search(rf"`spar {command}\b", COMMANDS_PAGE)


def test_every_exit_code_is_listed() -> None:
    raised = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", COMMANDS_PAGE, re.MULTILINE)}
    assert listed == {0, exits.FAILED, exits.STUCK, exits.STOPPED, *raised}


@pytest.mark.parametrize("kind", [Settings, ApiSettings, GatewaySettings])
def test_every_setting_is_listed(kind: type[BaseSettings]) -> None:
    prefix = str(kind.model_config["env_prefix"])
    variables = {f"{prefix}{field}".upper() for field in kind.model_fields}
    assert variables - set(re.findall(r"`(SPAR_\w+)`", ENVIRONMENT_PAGE)) == set()
