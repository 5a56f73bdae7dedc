"""A wrong password for Redis, and what monitors see of a message."""

import pytest

from spar.errors import ServiceError
from spar.messages.coordinator import StepStarted
from spar.runtime.app import in_brief
from spar.runtime.broker import check_password
from tests import servers

pytestmark = pytest.mark.integration


def test_a_wrong_password_is_reported_at_once_and_not_repeated(redis_server: servers.RedisServer) -> None:
    host = redis_server.url.split("//")[1].split("@")[-1]
    with pytest.raises(ServiceError, match="refuses our credentials") as refused:
        check_password(f"redis://:wrong-secret@{host}")
    assert "wrong-secret" not in str(refused.value)
    assert "SPAR_BROKER_URL" in refused.value.fix


def test_the_right_password_and_an_unreachable_redis_are_no_errors(redis_server: servers.RedisServer) -> None:
    check_password(redis_server.url)
    check_password(f"redis://localhost:{servers.free_port()}/0")
    check_password("memory://")


def test_monitors_see_ids_only() -> None:
    message = StepStarted(step_id=5, attempt=2, worker="refinement-1").model_dump(mode="json")
    assert in_brief({**message, "spec": {"text": "long"}}) == "kind=started worker=refinement-1 step_id=5 attempt=2"
