"""Optional packages: the command that installs them names packages, never a project that only shares our name."""

import re
import shlex
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from spar.errors import PackageMissing
from spar.packages import explained, extra_of, install_command, require_extra, require_modules

EXTRAS = ("cpu", "data", "eval", "stack")


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_command_names_every_package_of_the_extra_with_its_versions(extra: str) -> None:
    [pip, install, *wanted] = shlex.split(install_command(extra))
    lines = [line for line in metadata.requires("spar") or [] if re.search(rf'extra == ["\']{extra}["\']', line)]
    assert (pip, install) == ("pip", "install")
    assert lines
    assert [Requirement(one).name for one in wanted] == [Requirement(line).name for line in lines]
    assert [Requirement(one).specifier for one in wanted] == [Requirement(line).specifier for line in lines]


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_command_never_installs_what_pypi_calls_spar(extra: str) -> None:
    assert not any(Requirement(one).name == "spar" for one in shlex.split(install_command(extra))[2:])


@pytest.mark.parametrize(
    ("module", "extra"),
    [("torch", "cpu"), ("torch.nn", "cpu"), ("lm_eval", "eval"), ("punkt.data.english", "eval"), ("rensa", "data")],
)
def test_a_module_is_traced_to_its_extra(module: str, extra: str) -> None:
    assert extra_of(module) == extra


def test_a_failed_import_of_an_optional_package_says_how_to_install_it() -> None:
    error = explained(ModuleNotFoundError("No module named 'torch'", name="torch"))
    assert isinstance(error, PackageMissing)
    assert "torch" in error.what
    assert "torch==" in error.fix
    assert error.exit_code == 2


def test_a_failed_import_of_anything_else_stays_what_it_is() -> None:
    bug = ModuleNotFoundError("No module named 'spar.nowhere'", name="spar.nowhere")
    assert explained(bug) is bug


def test_an_extra_that_is_installed_is_no_error() -> None:
    require_extra("data", "The test")


def test_modules_that_are_missing_are_named_with_their_extra() -> None:
    require_modules("data", "This", ("json", "re"))
    with pytest.raises(PackageMissing, match="Reading it needs no_such_module_a, no_such_module_b") as caught:
        require_modules("data", "Reading it", ("json", "no_such_module_a", "no_such_module_b"))
    assert "pip install" in caught.value.fix
