"""The wheel, installed without a source tree: the same commands, with all their data.

The environment is new, but borrows the installed third-party packages: only this project is what the test is about.
"""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.torch, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
RECIPE = """extends: demo
name: tiny
iterations: 1
prompts: {per_iteration: 8}
evaluation: {actor_prompts: 20, judge_items: 10, refine_items: 5}
"""


def called(*command: str | Path, folder: Path) -> str:
    """The command's output; its environment contains none of this checkout's paths."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    source = folder / "source"
    for name in tracked.split("\0"):
        if name and (ROOT / name).is_file():  # built from a copy: a build leaves folders in its source
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder))
    called(sys.executable, "-m", "pip", "wheel", *options, str(source), folder=folder)
    [built] = folder.glob("spar-*.whl")
    return built


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `spar` and `python` in an environment with the wheel installed."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    site = called(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder).strip()
    # Only packages: what an editable install adds to the path is not read from a borrowed folder.
    (Path(site) / "borrowed.pth").write_text("\n".join(_package_folders()))
    options = ("--quiet", "--no-deps", "--no-index")
    called(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, folder=folder)
    return python.parent


def _package_folders() -> list[str]:
    own = sysconfig.get_path("purelib")
    return [own, *(folder for folder in sys.path if folder.endswith("site-packages") and folder != own)]


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    listed = ["git", "ls-files", "shared/spar", "services"]
    tracked = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert tracked
    assert [name for name in tracked if name.removeprefix("shared/") not in packed] == []


def test_a_run_goes_from_recipe_to_export_without_the_source_tree(commands: Path, tmp_path: Path) -> None:
    where = called(commands / "python", "-c", "import spar, services; print(spar.__file__)", folder=tmp_path)
    assert where.startswith(str(commands.parent))
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    assert "All checks passed" in called(commands / "spar", "doctor", folder=tmp_path)
    printed = called(commands / "spar", "run", "tiny.yaml", "--dir", "home", folder=tmp_path)
    assert "report:" in printed
    called(commands / "spar", "export", "home", "--format", "trl", "--out", "data", folder=tmp_path)
    assert (tmp_path / "data" / "pairs.jsonl").stat().st_size > 0
