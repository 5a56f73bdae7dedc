"""What the images install, and that they run as an ordinary user who owns the volumes."""

import importlib.util
import re
import subprocess
import sys
from importlib.metadata import requires
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest

from services.worker import TASK_MODULES
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


@pytest.mark.parametrize("extra", ["cpu", "eval", "stack"])
def test_everything_that_an_image_installs_is_pinned(extra: str) -> None:
    """What is asked for by name, and so what `pip freeze` of an environment with it found: `make constraints`."""
    pinned = {pin.partition("==")[0] for pin in (ROOT / "constraints.txt").read_text().splitlines() if "==" in pin}
    asked = {re.split(r"[^A-Za-z0-9_.-]", each)[0] for each in lists.requirements(PYPROJECT, [extra])}
    assert {lists.normal(name) for name in asked} <= {lists.normal(name) for name in pinned}


def test_what_flower_needs_is_pinned_too() -> None:
    needs = [re.split(r"[^A-Za-z0-9_.-]", each)[0] for each in requires("flower") or []]
    constraints = (ROOT / "constraints.txt").read_text().lower()
    assert needs
    assert all(f"\n{name.lower()}==" in constraints.replace("-", "_") for name in needs)


OWN_PROCESS = ("api", "gateway", "coordinator")
SERVICES_NEED = {"slim": ["stack"], "gpu": ["cpu", "eval"]}


@pytest.mark.parametrize(("image", "extras"), SERVICES_NEED.items())
def test_images_install_what_their_services_import(image: str, extras: list[str]) -> None:
    text = (ROOT / "deploy" / "docker" / f"{image}.Dockerfile").read_text()
    assert f"RUN python3 requirements.py {' '.join(extras)}\n" in text


def test_every_service_starts_without_what_the_images_leave_out() -> None:
    """The extra `data`: readers of many kinds of files, which only commands use."""
    absent = "import sys; sys.modules.update(dict.fromkeys(['pyarrow', 'py3langid', 'rensa']))"
    modules = [*chain(*TASK_MODULES.values()), "services.worker", *(f"services.{name}.worker" for name in OWN_PROCESS)]
    code = f"{absent}\nimport {', '.join(modules)}"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


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


@pytest.mark.parametrize(
    "path", [ROOT / "Makefile", ROOT / "deploy" / "docker" / "gpu.Dockerfile"], ids=lambda path: path.name
)
def test_from_torchs_own_index_only_torch_is_taken(path: Path) -> None:
    """It has not the pinned versions of what torch needs."""
    lines = [line for line in path.read_text().splitlines() if "--index-url" in line]
    assert lines
    assert all("--no-deps" in line for line in lines)
