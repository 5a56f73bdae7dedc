"""How an OpenAI-compatible server is reached: its base URL, the credentials that go with every request, and where a
redirect may be followed to with them.

Credentials come from the environment when they are used, and are redacted from every message and log from then on
(`spar.redaction`). Sends nothing and knows nothing of requests.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from spar.errors import EngineError, RecipeError
from spar.header_values import header_value
from spar.recipes.headers import VARIABLE
from spar.redaction import SHORTEST, remember

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
"""Of one request: http to https, a slash more or less, a region; a longer chain is a loop."""
_KEEP_METHOD = (307, 308)
"""The others turn a POST into a GET, which chat completions answer with 404 or 405: reported, never followed."""
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


def redirected(method: str, url: URL, status: int, location: str) -> URL:
    """The URL to request next. Raises EngineError for a redirect that must not, or cannot, be followed."""
    target = _target(url, location)
    if target is None:
        raise EngineError(
            f"{shown(url)} redirects (HTTP {status}) to something that is no URL.", "Set engine.url to the API itself."
        )
    if not _same_server(url, target):
        raise _elsewhere(url, target, status, "on another server, which gets none of our requests or credentials")
    if method != "GET" and status not in _KEEP_METHOD:
        raise _elsewhere(url, target, status, "and a POST would become a GET")
    return target


def redirect_loop(url: URL) -> EngineError:
    return EngineError(
        f"{shown(url)} redirects in a loop ({MOST_REDIRECTS} times).", "Set engine.url to the API's own base URL."
    )


def _target(url: URL, location: str) -> URL | None:
    try:
        target = url.join(URL(location))
    except ValueError:
        return None
    return target if target.scheme in ("http", "https") and target.host else None


def _same_server(url: URL, target: URL) -> bool:
    """The same origin, or the same host by https instead of http."""
    upgraded = (url.scheme, target.scheme) == ("http", "https") and target.is_default_port()
    return url.host == target.host and (upgraded or url.origin() == target.origin())


def _elsewhere(url: URL, target: URL, status: int, why: str) -> EngineError:
    return EngineError(
        f"{shown(url)} redirects (HTTP {status}) to {shown(target)}, {why}.",
        f"Set engine.url to {shown(endpoint_of(target))}, if that is the API.",
    )
