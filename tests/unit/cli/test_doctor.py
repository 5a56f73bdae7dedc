"""`spar doctor`: finds what is here, looks at services only where they are named, and tells no password."""

import socket

import pytest

from spar.cli.doctor import worst_exit_code
from spar.host_checks.checks import SUBJECTS, CheckState, HostCheck
from spar.host_checks.services import NAMED_BY, reach


def checks_of(subject: str) -> list[HostCheck]:
    return [check for function in SUBJECTS if function.__name__ == subject for check in function()]


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_this_environment_has_what_the_embedded_mode_needs() -> None:
    for subject in ("_python", "_packages", "_makers"):
        found = checks_of(subject)
        assert found
        assert [check for check in found if check.state is not CheckState.OK] == []


def test_services_are_not_looked_at_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in NAMED_BY.values():
        monkeypatch.delenv(variable, raising=False)
    assert checks_of("_services") == []


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("redis", "redis://:hunter2@127.0.0.1:{port}/0"),
        ("postgresql", "postgresql+psycopg://spar:hunter2@127.0.0.1:{port}/spar"),
        ("s3", "127.0.0.1:{port}"),
    ],
)
def test_a_named_service_that_is_not_there(
    name: str, address: str, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in NAMED_BY.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(NAMED_BY[name], address.format(port=closed_port))
    monkeypatch.setenv("SPAR_S3_SECRET_KEY", "hunter2")
    (check,) = checks_of("_services")
    assert (check.name, check.state) == (name, CheckState.UNREACHABLE)
    assert "refused" in check.detail.lower()
    assert NAMED_BY[name] in check.fix
    assert "hunter2" not in check.detail + check.fix


def test_an_address_that_is_none_is_told_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAR_BROKER_URL", "nonsense")
    monkeypatch.setenv("SPAR_DATABASE_URL", "nonsense")
    monkeypatch.setenv("SPAR_S3_ENDPOINT", "http://a/b/c")
    assert all(reach(name) for name in NAMED_BY)


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([CheckState.OK], 0),
        ([CheckState.OK, CheckState.WARNING], 0),
        ([CheckState.OK, CheckState.MISSING], 1),
        ([CheckState.UNREACHABLE], 1),
    ],
)
def test_exit_code(states: list[CheckState], code: int) -> None:
    assert worst_exit_code([HostCheck(name="x", state=state, detail="") for state in states]) == code
