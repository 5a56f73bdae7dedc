"""What the images install, and that they run as an ordinary user who owns the volumes."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.deploy.files import ROOT

DOCKERFILES = sorted((ROOT / "deploy" / "docker").glob("*.Dockerfile"))


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


lists = load(ROOT / "deploy" / "docker" / "requirements.py")
PYPROJECT = (ROOT / "pyproject.toml").read_text()


def test_the_slim_image_has_no_torch() -> None:
    assert not any(name.startswith(("torch", "transformers")) for name in lists.requirements(PYPROJECT, ["stack"]))
    assert any(name.startswith("flower==") for name in lists.requirements(PYPROJECT, ["stack"]))
    assert any(name.startswith("torch==") for name in lists.requirements(PYPROJECT, ["cpu"]))


def test_what_the_base_image_has_stays_as_it_is() -> None:
    constraints = "# pinned\nNumPy==2.4.6\ntyping_extensions==4.16.0\nsetuptools==84.2.1\n"
    pinned = list(lists.pins({"numpy": "2.2.0", "torch": "2.13.0+cu130", "pip": "25.0"}, constraints))
    assert pinned == ["numpy==2.2.0", "torch==2.13.0+cu130", "typing_extensions==4.16.0"]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_images_run_as_an_ordinary_user(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER spar"]
    assert re.search(r"install -d -o spar .*/work .*/cache .*/locks", path.read_text())


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_code_comes_after_the_dependencies(path: Path) -> None:
    """So that a change of code installs none of them again."""
    last_stage = path.read_text().rpartition("\nFROM ")[2]
    assert last_stage.index("requirements.txt") < last_stage.index("/wheel/*.whl")
    assert "COPY services" not in last_stage


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_images_are_built_without_a_frontend_to_pull(path: Path) -> None:
    assert not path.read_text().startswith("# syntax=")
    assert "<<" not in path.read_text()
