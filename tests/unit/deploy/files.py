"""Reads the compose files as compose does, as far as the tests need it: YAML with merges, and overlays by service."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
BASE = "docker-compose.yml"
OVERLAYS = {path.stem: path for path in sorted((ROOT / "deploy" / "compose").glob("*.yml"))}
RESET = object()
"""What `!reset` leaves: the key is taken away."""


class Loader(yaml.SafeLoader):
    """YAML with compose's `!reset`."""


Loader.add_constructor("!reset", lambda loader, node: RESET)


def read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(path.read_text(), Loader)
    return loaded


def base() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = read(ROOT / BASE)["services"]
    return services


def with_overlay(name: str) -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml and one overlay, merged; `extends` of the base is resolved."""
    services = base()
    for service, changes in read(OVERLAYS[name])["services"].items():
        below = services.get(service, {})
        if extends := changes.get("extends"):
            assert extends["file"] == BASE
            below = services[extends["service"]]
        services[service] = merge(below, {key: value for key, value in changes.items() if key != "extends"})
    return services


def merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Maps are merged, `!reset` removes, everything else is replaced."""
    merged = {**below}
    for key, value in above.items():
        if value is RESET:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(below.get(key), dict):
            merged[key] = merge(below[key], value)
        else:
            merged[key] = value
    return merged
