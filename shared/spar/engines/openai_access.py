"""How an OpenAI-compatible server is reached: its base URL, and the credentials that go with every request.

Credentials come from the environment when they are used, and are redacted from every message and log from then on
(`spar.redaction`). Knows nothing of requests.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from spar.errors import RecipeError
from spar.header_values import header_value
from spar.recipes.headers import VARIABLE
from spar.redaction import SHORTEST, remember

KEY_VARIABLE = "SPAR_ENGINE_API_KEY"

_CHAT_PATH = "/chat/completions"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Headers of every request, and the proxy that it goes through. Shows neither in its repr."""

    headers: Mapping[str, str] = field(repr=False)
    proxy: URL | None = field(repr=False)


def credentials(url: URL, key_variable: str, headers: Mapping[str, str]) -> Credentials:
    """Resolve `${VARIABLE}` in header values, and add the key unless a header or the URL holds credentials already.

    Raises RecipeError for a variable that is not set, or that holds what no header can; without its value.
    """
    if url.password:
        remember(url.password)
    resolved: dict[str, str] = {}
    for name, value in headers.items():
        resolved[name] = VARIABLE.sub(lambda match: _variable(match[1]), value)
    key = header_value(key_variable, os.environ.get(key_variable, ""))
    if key and url.user is None and "authorization" not in {name.lower() for name in resolved}:
        resolved["Authorization"] = f"Bearer {key}"
    return Credentials(resolved, environment_proxy(url))


def base_url(text: str) -> URL:
    """The base URL of the API, query included; a bare host gets the usual /v1, a whole endpoint is cut to its base."""
    try:
        url = URL(text)
    except ValueError as error:
        raise _bad_url(text) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise _bad_url(text)
    if url.fragment:
        raise RecipeError(
            f"The URL {shown(url)} names a model after '#', which is read on the command line only.",
            "Set engine.url without it, and name the model as served:NAME.",
        )
    base = endpoint_of(url)
    return base.with_path(base.path.rstrip("/") or "/v1", keep_query=True)


def endpoint_of(url: URL) -> URL:
    """The base of a URL that may be that of a whole endpoint."""
    path = url.path.rstrip("/")
    for endpoint in (_CHAT_PATH, "/models"):
        path = path.removesuffix(endpoint)
    return url.with_path(path or "/", keep_query=True)


def endpoint_url(base: URL, path: str) -> URL:
    """A path of the API, such as chat/completions; the base URL's query goes with it."""
    return (base / path).with_query(base.query)


def shown(url: URL) -> str:
    """The URL as messages may show it: without user, password and query, any of which may be a credential."""
    return str(url.with_user(None).with_query(None).with_fragment(None))


def environment_proxy(url: URL) -> URL | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for the server; none for this machine's own.

    Not aiohttp's `trust_env`, which also sends what ~/.netrc holds for the host, and fails where there is a key too.
    Raises RecipeError for a proxy that does not speak HTTP.
    """
    text = getproxies().get(url.scheme)
    if not text or _is_loopback(url) or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    proxy = URL(text if "://" in text else f"http://{text}")
    if proxy.scheme not in ("http", "https") or not proxy.host:
        raise RecipeError(
            f"The proxy {shown(proxy)} of the environment is not an HTTP proxy.",
            f"Name another in {url.scheme.upper()}_PROXY, or add {url.host} to NO_PROXY.",
        )
    return proxy


def _is_loopback(url: URL) -> bool:
    if url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host or "").is_loopback
    except ValueError:
        return False


def _variable(name: str) -> str:
    value = header_value(name, os.environ.get(name, ""))
    if not value:
        raise RecipeError(f"A header of the requests refers to the variable {name}, which is not set.", f"Set {name}.")
    if len(value) >= SHORTEST:
        remember(value)
    return value


def _bad_url(text: str) -> RecipeError:
    return RecipeError(
        f"'{text}' is not the URL of a server.", "Set engine.url to something like http://localhost:8000/v1."
    )
