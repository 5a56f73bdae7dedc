"""The command line: commands load when called, errors become two lines and an exit code."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from spar.cli.main import COMMANDS, build_app, main

HEAVY = ("torch", "transformers", "trl", "celery", "sqlmodel", "datasets", "aiohttp", "redis", "minio")

WRITERS = (*(name for name in HEAVY if name != "sqlmodel"), "alembic", "psycopg", "mako", "pyarrow", "pandas", "numpy")
"""What only running, writing or PostgreSQL needs: reading a home does without."""


def spar(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spar.cli.main", *arguments], capture_output=True, text=True, check=False
    )


def test_help_lists_what_is_there_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom spar.cli.main import main\nsys.argv = ['spar', '--help']\n"
        "try:\n    main()\nfinally:\n    print('loaded:', *(set(sys.modules) & {"
        + ", ".join(repr(name) for name in HEAVY)
        + "}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].strip() == "loaded:"
    assert all(f"  {name}" in done.stdout for name, lazy in COMMANDS.items() if lazy.exists())


@pytest.mark.parametrize("module", ["status", "tree", "explain", "report", "runs", "dead"])
def test_commands_that_read_a_home_load_only_what_reading_takes(module: str) -> None:
    code = f"import sys, spar.cli.{module}, spar.embedded.homes\nprint('loaded:', *(set(sys.modules) & {{*{WRITERS}}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "loaded:"


@pytest.mark.parametrize("name", [name for name, lazy in COMMANDS.items() if lazy.exists()])
def test_every_listed_command_loads_and_explains_itself(name: str) -> None:
    done = CliRunner().invoke(build_app(name), [name, "--help"])
    assert done.exit_code == 0, done.output
    assert "Usage:" in done.output


def test_every_command_in_the_table_is_built() -> None:
    assert [name for name, lazy in COMMANDS.items() if not lazy.exists()] == []


def test_version() -> None:
    assert spar("--version").stdout.startswith("spar 0.")


def test_an_error_is_told_with_its_fix_on_stderr() -> None:
    done = spar("recipe", "show", "dmo")
    assert done.returncode == 2
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith("error: There is no recipe 'dmo'")
    assert second.startswith("fix: Name a YAML file or one of: autoif, ")


def test_an_unknown_command_is_a_usage_error() -> None:
    done = spar("recipes")
    assert done.returncode == 2
    assert "Did you mean 'recipe'" in done.stderr


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (KeyboardInterrupt(), 130, ""),
        (
            OSError(28, "No space left on device", "x.json"),
            3,
            "error: Cannot write x.json: No space left on device.",
        ),
        (OSError(30, "Read-only file system", "y"), 3, "error: Cannot write y: Read-only file system."),
    ],
)
def test_interrupts_and_full_disks(
    raised: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> typer.Typer:
        raise raised

    with pytest.raises(SystemExit) as caught:
        main(["recipe"], lambda _: fail())
    assert caught.value.code == code
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("given", ["{here}/absent/x.csv", "--csv={here}/absent/x.csv", "{here}"])
def test_a_path_that_the_user_gave_is_an_error_with_a_fix(
    given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "absent" / "x.csv"

    def fail(_: str | None) -> typer.Typer:
        raise FileNotFoundError(2, "No such file or directory", str(missing))

    with pytest.raises(SystemExit) as caught:
        main(["compare", given.format(here=tmp_path)], fail)
    assert caught.value.code == 2
    assert f"error: Cannot use {missing}: No such file or directory." in capsys.readouterr().err


def test_a_missing_file_of_the_program_itself_is_no_mistake_of_the_user(tmp_path: Path) -> None:
    def fail(_: str | None) -> typer.Typer:
        raise FileNotFoundError(2, "No such file or directory", "/usr/share/spar/inner.json")

    with pytest.raises(FileNotFoundError):
        main(["compare", str(tmp_path)], fail)
