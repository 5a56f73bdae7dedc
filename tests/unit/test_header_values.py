"""Credentials that are sent in a header: usable, or refused without being shown."""

import pytest
from pydantic import SecretStr

from services.api.settings import ApiSettings
from services.gateway.settings import GatewaySettings
from spar.cli.client import TOKEN, connect
from spar.errors import RecipeError, ServiceError
from spar.header_values import header_value

BROKEN = "a-token-in\ntwo-lines-of-a-file"


@pytest.mark.parametrize("value", ["a-token", " a-token\n", "a-token\r\n"])
def test_what_files_add_to_a_token_is_left_out(value: str) -> None:
    assert header_value("X_TOKEN", value) == "a-token"


@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a\x7fb", "schlüssel"])
def test_what_no_header_can_hold_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(RecipeError, match="X_TOKEN") as caught:
        header_value("X_TOKEN", value)
    assert value not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_client_of_the_api_refuses_such_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, BROKEN)
    with pytest.raises(RecipeError, match=TOKEN) as caught, connect("http://127.0.0.1:1"):
        raise AssertionError
    assert "two-lines" not in str(caught.value)
    monkeypatch.setenv(TOKEN, " \n")
    with pytest.raises(ServiceError, match="No token is set"), connect("http://127.0.0.1:1"):
        raise AssertionError


def test_services_do_not_start_with_one_and_take_one_from_a_file() -> None:
    for settings in (
        ApiSettings(token=SecretStr(BROKEN)),
        GatewaySettings(token=SecretStr(BROKEN), actor="x", refiner="x"),
    ):
        with pytest.raises(RecipeError) as caught:
            settings.check()
        assert "two-lines" not in str(caught.value) + repr(settings)
    assert ApiSettings(token=SecretStr("0123456789abcdef\n")).token.get_secret_value() == "0123456789abcdef"
