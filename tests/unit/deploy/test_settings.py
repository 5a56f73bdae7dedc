"""`.env.example` explains every setting there is, and no other; `make env` fills in secrets and overwrites nothing."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from services.api.settings import ApiSettings
from services.gateway.settings import GatewaySettings
from spar.engines import gpu_host
from spar.runtime.settings import Settings
from tests.unit.deploy.files import OVERLAYS, ROOT, base

EXAMPLE = (ROOT / ".env.example").read_text()
NAMED = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", EXAMPLE, flags=re.MULTILINE)
SETTINGS = {
    *(f"SPAR_{name.upper()}" for name in Settings.model_fields),
    *(f"SPAR_API_{name.upper()}" for name in ApiSettings.model_fields),
    *(f"SPAR_GATEWAY_{name.upper()}" for name in GatewaySettings.model_fields),
    *(f"SPAR_{role}_API_KEY" for role in ("ACTOR", "REFINER", "ENGINE")),
    gpu_host.GPUS_VARIABLE,
    gpu_host.LOCK_DIR_VARIABLE,
    gpu_host.ROLES_VARIABLE,
}
COMPOSE_FILES = [ROOT / "docker-compose.yml", *OVERLAYS.values()]


def test_every_setting_is_named_once() -> None:
    assert {name for name in NAMED if name.startswith("SPAR_")} == SETTINGS
    assert len(NAMED) == len(set(NAMED))


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_compose_asks_for_nothing_that_is_not_explained(path: Path) -> None:
    asked = set(re.findall(r"\$\{([A-Z][A-Z0-9_]*)", path.read_text()))
    assert asked <= set(NAMED)


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_compose_sets_nothing_that_is_no_setting(path: Path) -> None:
    given = set(re.findall(r"^\s+(SPAR_[A-Z0-9_]+):", path.read_text(), flags=re.MULTILINE))
    assert given <= SETTINGS


@pytest.mark.parametrize(
    ("service", "prefix", "settings"),
    [("api", "SPAR_API_", ApiSettings), ("gateway", "SPAR_GATEWAY_", GatewaySettings)],
)
def test_what_is_set_in_the_file_reaches_its_service(service: str, prefix: str, settings: type[BaseSettings]) -> None:
    assert {f"{prefix}{name.upper()}" for name in settings.model_fields} <= set(base()[service]["environment"])


def test_the_example_shows_the_defaults_that_compose_has() -> None:
    shown = dict(re.findall(r"^# ([A-Z][A-Z0-9_]*)=(.+)$", EXAMPLE, flags=re.MULTILINE))
    defaults = dict(re.findall(r"\$\{([A-Z][A-Z0-9_]*):?-([^${}]+)\}", (ROOT / "docker-compose.yml").read_text()))
    different = {name: (defaults[name], shown[name]) for name in defaults.keys() & shown.keys()}
    assert all(one == other for one, other in different.values()), different


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for name in ("Makefile", ".env.example"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make_env(folder: Path) -> str:
    return subprocess.run(["make", "env"], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_make_env_writes_secrets_that_nobody_else_can_read(folder: Path) -> None:
    make_env(folder)
    written = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines() if re.match(r"\w+=", line))
    secrets = {
        name: value for name, value in written.items() if name.endswith(("_PASSWORD", "_API_TOKEN", "_GATEWAY_TOKEN"))
    }
    assert len(secrets) == 7
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in secrets.values())
    assert len(set(secrets.values())) == len(secrets)
    assert written["HF_TOKEN"] == ""
    assert (folder / ".env").stat().st_mode & 0o077 == 0


def test_make_env_overwrites_nothing(folder: Path) -> None:
    (folder / ".env").write_text("mine")
    assert "kept" in make_env(folder)
    assert (folder / ".env").read_text() == "mine"
