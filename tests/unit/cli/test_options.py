"""A command whose options are a dataclass's fields: what typer reads off it, and what the command is given."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from spar.cli.options import options_of


@dataclass(frozen=True, slots=True)
class Wishes:
    name: Annotated[str, typer.Argument(metavar="NAME")]
    often: Annotated[int, typer.Option("--times", min=1, help="How often.")] = 2
    loud: Annotated[bool, typer.Option(help="In capitals.")] = False


def app() -> tuple[typer.Typer, list[Wishes]]:
    given: list[Wishes] = []
    made = typer.Typer()

    @made.command()
    @options_of(Wishes)
    def greet(wishes: Wishes) -> None:
        """Say hello."""
        given.append(wishes)

    return made, given


def test_the_command_is_given_one_value_with_defaults_filled_in() -> None:
    made, given = app()
    assert CliRunner().invoke(made, ["ann", "--loud"]).exit_code == 0
    assert CliRunner().invoke(made, ["bob", "--times", "3"]).exit_code == 0
    assert given == [Wishes("ann", 2, True), Wishes("bob", 3, False)]


def test_help_and_checks_are_those_of_the_fields() -> None:
    made, given = app()
    told = CliRunner().invoke(made, ["--help"]).output
    assert "Say hello." in told
    assert "--times" in told
    assert CliRunner().invoke(made, ["ann", "--times", "0"]).exit_code == 2
    assert CliRunner().invoke(made, []).exit_code == 2
    assert not given
