"""The compose files keep their promises: health, restarts, logs, nothing published that should not be.

Read as YAML; where docker compose is installed, it has to accept them, too.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.files import OVERLAYS, ROOT, base, read, with_overlay

WORKERS = {"generation", "judgment", "refinement", "training", "evaluation"}
SERVICES = {"redis", "postgres", "minio", "bucket", "coordinator", "api", "flower", "gateway", *WORKERS}
PUBLISHED = {"api", "flower", "grafana", "gateway"}
COMBINATIONS = [(), *[(name,) for name in OVERLAYS], ("cpu", "simulated"), ("cpu", "simulated", "observability")]


@pytest.fixture(params=[None, *OVERLAYS])
def services(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return base() if request.param is None else with_overlay(request.param)


def test_every_part_of_the_system_is_there() -> None:
    assert set(base()) == SERVICES
    assert set(OVERLAYS) == {"cpu", "single-gpu", "simulated", "observability"}


def test_every_service_restarts_says_how_it_is_and_rotates_its_log(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert "healthcheck" in service, name
        assert service["restart"] == ("on-failure:3" if name == "bucket" else "unless-stopped"), name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert service["init"] is True, name


def test_only_pages_behind_a_password_are_published_and_on_loopback(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for port in service.get("ports", []):
            assert name in PUBLISHED
            assert re.match(r"\$\{[A-Z]+_BIND:-127\.0\.0\.1\}:", port), port


def test_services_wait_for_what_they_need(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, name
            wanted = "service_completed_successfully" if needed == "bucket" else "service_healthy"
            assert how == {"condition": wanted}, name


def test_the_gateway_starts_only_when_asked_for_and_needs_nothing_else() -> None:
    assert base()["gateway"]["profiles"] == ["gateway"]
    assert "depends_on" not in base()["gateway"]


def test_named_volumes_are_declared(services: dict[str, dict[str, Any]]) -> None:
    declared = set(read(ROOT / "docker-compose.yml")["volumes"])
    for path in OVERLAYS.values():
        declared |= set(read(path).get("volumes", {}))
    used = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} <= declared
    assert all((ROOT / name).exists() for name in used if name.startswith("."))


def test_published_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        tag = service["image"].rpartition(":")[2]
        assert tag not in ("", "latest"), name
        assert ("build" in service) == (tag == "local"), name


def test_workers_are_ready_for_a_gpu_host() -> None:
    for name in WORKERS:
        worker = base()[name]
        assert worker["shm_size"] == "16gb"
        assert worker["stop_grace_period"] == "2m"
        assert worker["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
        assert worker["command"] == ["python3", "-m", "services.worker", name]


def test_a_host_without_a_gpu_asks_for_none_and_downloads_no_cuda() -> None:
    services = with_overlay("cpu")
    for name in WORKERS:
        assert "deploy" not in services[name]
        assert services[name]["build"]["args"]["VARIANT"] == "cpu"
        assert services[name]["environment"]["SPAR_GPUS"] == ""


def test_one_worker_does_everything_on_one_gpu() -> None:
    services = with_overlay("single-gpu")
    assert all(services[name]["scale"] == 0 for name in WORKERS)
    worker = services["worker"]
    assert worker["command"] == ["python3", "-m", "services.worker"]
    assert "generation,judgment,refinement,training,evaluation" in worker["environment"]["SPAR_QUEUES"]
    assert worker["deploy"] == base()["generation"]["deploy"]


def test_health_checks_need_no_newer_docker() -> None:
    for path in (ROOT / "docker-compose.yml", *OVERLAYS.values()):
        assert "start_interval" not in path.read_text()


@pytest.fixture
def compose() -> str:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    return docker


def configure(docker: str, combination: tuple[str, ...], environment: Path) -> subprocess.CompletedProcess[str]:
    files = [argument for name in combination for argument in ("-f", f"deploy/compose/{name}.yml")]
    return subprocess.run(
        [docker, "compose", "--env-file", environment, "-f", "docker-compose.yml", *files, "config", "--quiet"],
        cwd=ROOT,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("combination", COMBINATIONS, ids="+".join)
def test_compose_accepts_them(compose: str, combination: tuple[str, ...], tmp_path: Path) -> None:
    environment = tmp_path / "env"
    example = (ROOT / ".env.example").read_text()
    environment.write_text(re.sub(r"^(\w+(?:_PASSWORD|_TOKEN)=)$", r"\1x1", example, flags=re.MULTILINE))
    done = configure(compose, combination, environment)
    assert done.returncode == 0, done.stderr


def test_without_settings_compose_says_what_to_run(compose: str, tmp_path: Path) -> None:
    empty = tmp_path / "env"
    empty.touch()
    done = configure(compose, (), empty)
    assert done.returncode != 0
    assert "run `make env`" in done.stderr
