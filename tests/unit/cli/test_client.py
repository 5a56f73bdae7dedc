"""What the commands of the stack report of an address that is not the API's own."""

import httpx
import pytest

from spar.cli.client import Api
from spar.errors import ServiceError


def test_a_redirect_is_reported_with_its_target_and_not_followed() -> None:
    asked: list[str] = []

    def moved(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(301, headers={"Location": "https://user:word@api.example/runs/r/cancel?key=private"})

    client = httpx.Client(transport=httpx.MockTransport(moved), base_url="http://api.example")
    with client, pytest.raises(ServiceError, match="HTTP 301") as caught:
        Api(client).command("r", "cancel")
    assert caught.value.what.endswith("to https://api.example/runs/r/cancel.")
    assert asked == ["http://api.example/runs/r/cancel"]
