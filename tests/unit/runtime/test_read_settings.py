"""Settings that are wrong are told by their variable, never by their value."""

import os
import subprocess
import sys

import pytest

from services.gateway.settings import GatewaySettings
from spar.errors import ServiceError
from spar.runtime.read_settings import read_settings
from spar.runtime.settings import Settings

SECRET = "hunter2-and-more"


@pytest.mark.parametrize(
    ("kind", "variable", "value"),
    [
        (Settings, "SPAR_THREADS", SECRET),
        (Settings, "SPAR_LEASE_S", f"redis://:{SECRET}@host"),
        (GatewaySettings, "SPAR_GATEWAY_PORT", SECRET),
        (GatewaySettings, "SPAR_GATEWAY_HEADERS", f'{{"Authorization": ["{SECRET}"]}}'),
        (GatewaySettings, "SPAR_GATEWAY_HEADERS", f'{{"Authorization": "{SECRET}"'),
        (GatewaySettings, "SPAR_GATEWAY_BODY", SECRET),
    ],
)
def test_a_wrong_value_is_not_repeated(
    kind: type[Settings | GatewaySettings], variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ServiceError) as caught:
        read_settings(kind)
    assert SECRET not in str(caught.value)
    assert variable in str(caught.value) or variable.removeprefix("SPAR_GATEWAY_").lower() in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("service", ["services.api.worker", "services.gateway.worker", "services.coordinator.worker"])
def test_a_process_does_not_show_them_either(service: str) -> None:
    """Whatever way it ends: its whole output is looked at."""
    wrong = {"SPAR_THREADS": SECRET, "SPAR_API_PORT": SECRET, "SPAR_GATEWAY_PORT": SECRET}
    done = subprocess.run(
        [sys.executable, "-m", service],
        env={**os.environ, **wrong},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == ServiceError.exit_code
    assert "fix: " in done.stderr
    assert SECRET not in done.stdout + done.stderr
