"""What a recipe says to send to a server besides: what it may hold, and what it counts for."""

from typing import Any

import pytest
from pydantic import ValidationError

from spar.messages.base import EngineIdentity
from spar.recipes.load import load_recipe, recipe_fingerprint
from spar.recipes.models import EngineSettings

URL = "http://127.0.0.1:1/v1"
THINKING = {"chat_template_kwargs": {"enable_thinking": False}}


def settings(**given: Any) -> EngineSettings:
    return EngineSettings(kind="openai", url=URL, **given)


def test_without_them_nothing_is_written() -> None:
    assert {"body", "headers"}.isdisjoint(settings().model_dump())
    assert "body" not in EngineIdentity.of(settings()).model_dump()


def test_extra_fields_of_requests_count_and_headers_do_not() -> None:
    assert EngineIdentity.of(settings(body=THINKING)) != EngineIdentity.of(settings())
    assert EngineIdentity.of(settings(headers={"X-Title": "spar"})) == EngineIdentity.of(settings())


def test_a_recipe_with_extra_fields_is_another_run_and_with_headers_the_same() -> None:
    vllm = ["engine.kind=vllm", "engine.dtype=float32", "engine.vllm.device=cpu"]
    plain = recipe_fingerprint(load_recipe("demo", vllm))
    assert recipe_fingerprint(load_recipe("demo", [*vllm, "engine.body={top_k: 5}"])) != plain
    assert recipe_fingerprint(load_recipe("demo", [*vllm, "engine.headers={X-Title: spar}"])) == plain


def test_engines_are_found_by_their_settings() -> None:
    kept = {settings(body=THINKING): 1, settings(): 2}
    assert kept[settings(body=dict(THINKING))] == 1


@pytest.mark.parametrize("name", ["model", "messages", "n", "seed", "temperature", "max_tokens", "stream"])
def test_what_the_recipe_decides_elsewhere_cannot_be_set_again(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} cannot be set here"):
        settings(body={name: 1})


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key", "api-key", "X-Auth-Token", "Cookie"])
def test_a_credential_is_a_reference_to_the_environment(name: str) -> None:
    with pytest.raises(ValidationError, match="VARIABLE") as caught:
        settings(headers={name: "sk-written-out"})
    assert settings(headers={name: "Bearer ${MY_KEY}"}).headers == {name: "Bearer ${MY_KEY}"}
    assert "VARIABLE" in str(caught.value.errors()[0]["msg"])


@pytest.mark.parametrize("headers", [{"X Title": "a"}, {"": "a"}, {"X-Title": "a\nb"}])
def test_a_header_that_cannot_be_sent(headers: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="header"):
        settings(headers=headers)
