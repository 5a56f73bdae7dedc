"""How a server is reached: base URLs as people write them, keys and headers, proxies."""

import pytest
from yarl import URL

from spar.engines.openai_access import base_url, credentials, endpoint_url, environment_proxy, shown
from spar.errors import EngineError, RecipeError

KEY = "SPAR_ENGINE_API_KEY"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        for each in (name, name.lower()):
            monkeypatch.delenv(each, raising=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://h:1", "http://h:1/v1/chat/completions"),
        ("http://h:1/", "http://h:1/v1/chat/completions"),
        ("http://h/v1/", "http://h/v1/chat/completions"),
        ("https://h/api/openai", "https://h/api/openai/chat/completions"),
        ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
        ("https://h/az/v1?api-version=2024-10-21", "https://h/az/v1/chat/completions?api-version=2024-10-21"),
        ("https://h?a=1&b=x%20y", "https://h/v1/chat/completions?a=1&b=x+y"),
    ],
)
def test_the_endpoint_of_a_base_url(text: str, expected: str) -> None:
    assert str(endpoint_url(base_url(text), "chat/completions")) == expected


@pytest.mark.parametrize("text", ["localhost:8000", "ftp://h/v1", "http://", "http://h/v1#m"])
def test_a_url_of_no_server_is_refused(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        base_url(text)
    assert caught.value.fix


def test_a_url_is_shown_without_what_may_be_a_credential() -> None:
    assert shown(URL("https://user:word@h:1/v1?key=secret#x")) == "https://h:1/v1"


def test_keys_are_resolved_when_used_and_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, " sk-plain\n")
    monkeypatch.setenv("ORG_TOKEN", "org-secret")
    found = credentials(URL("https://h/v1"), KEY, {"X-Org-Token": "t ${ORG_TOKEN}", "X-Title": "spar"})
    assert found.headers == {"X-Org-Token": "t org-secret", "X-Title": "spar", "Authorization": "Bearer sk-plain"}
    monkeypatch.delenv("ORG_TOKEN")
    assert "org-secret" not in str(EngineError("Incorrect API key provided: org-secret."))
    assert "secret" not in repr(found)
    assert "sk-plain" not in repr(found)


def test_a_header_of_ones_own_or_a_user_in_the_url_replaces_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "sk-plain")
    monkeypatch.setenv("OTHER", "other")
    assert credentials(URL("http://h/v1"), KEY, {"authorization": "Token ${OTHER}"}).headers == {
        "authorization": "Token other"
    }
    assert credentials(URL("http://user:word@h/v1"), KEY, {}).headers == {}


@pytest.mark.parametrize("key", ["sk-a\nb", "sk-a\r\nb", "sk-\x00b", "sk-a\tb"])
def test_a_key_that_no_header_may_hold_is_refused_without_it(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OTHER", key.replace("\x00", "\x01"))  # an environment can hold no NUL
    for name, headers in (("OTHER", {}), ("NONE", {"X-Key": "${OTHER}"})):
        with pytest.raises(RecipeError, match="OTHER holds a character") as caught:
            credentials(URL("http://h/v1"), name, headers)
        assert "sk-" not in str(caught.value)
        assert caught.value.exit_code == 2


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTHER", raising=False)
    with pytest.raises(RecipeError, match="OTHER"):
        credentials(URL("http://h/v1"), KEY, {"X-Key": "${OTHER}"})


def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment_proxy(URL("https://models.example.test/v1")) is None
    monkeypatch.setenv("HTTPS_PROXY", "http://user:word@proxy:3128")
    monkeypatch.setenv("http_proxy", "proxy:3128")
    monkeypatch.setenv("NO_PROXY", "inside.test,.local.test")
    assert environment_proxy(URL("https://models.example.test/v1")) == URL("http://user:word@proxy:3128")
    assert environment_proxy(URL("http://models.example.test/v1")) == URL("http://proxy:3128")
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", "inside.test", "a.local.test"):
        assert environment_proxy(URL(f"http://{host}/v1")) is None
    assert "word" not in repr(credentials(URL("https://models.example.test/v1"), KEY, {}))


def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:word@proxy:1080")
    with pytest.raises(RecipeError, match="socks5://proxy:1080") as caught:
        environment_proxy(URL("https://h/v1"))
    assert "word" not in str(caught.value)
