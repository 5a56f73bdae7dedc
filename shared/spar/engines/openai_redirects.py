"""Where a server's redirect may be followed to, with the credentials of the request. Pure; sends nothing.

A 301, 302 or 303 turns a POST into a GET, which chat completions answer with 404 or 405: reported, never followed.
"""

from yarl import URL

from spar.engines.openai_access import endpoint_of, shown
from spar.errors import EngineError

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
"""Of one request: http to https, a slash more or less, a region; a longer way is a circle."""
_KEEP_METHOD = (307, 308)


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


def circular(url: URL) -> EngineError:
    return EngineError(
        f"{shown(url)} redirects in a circle ({MOST_REDIRECTS} times).", "Set engine.url to the API's own base URL."
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
