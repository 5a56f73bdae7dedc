"""Writes the lists of what an image installs: `python3 requirements.py [EXTRA ...]`, next to pyproject.toml.

    requirements.txt   the dependencies in pyproject.toml, with the given extras
    pins.txt           the version of every package: as installed in the base image, otherwise from constraints.txt

Runs before the project's code is copied, so that changed code does not reinstall dependencies. Does not depend on the
base image.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path

BUILD_TOOLS = {"pip", "setuptools", "wheel"}
"""Not pinned: each image keeps its own, and the project's wheel is built in a separate stage."""


def requirements(pyproject: str, extras: Sequence[str]) -> list[str]:
    """The project's dependencies with these extras. Raises KeyError for an unknown extra."""
    project = tomllib.loads(pyproject)["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return wanted


def pins(installed: dict[str, str], constraints: str) -> Iterator[str]:
    """One `name==version` per package: the installed version, or else the constrained one."""
    fixed = {normal(name): f"{name}=={version}" for name, version in installed.items()}
    for line in constraints.splitlines():
        name, equals, _ = line.partition("==")
        if equals and not line.startswith("#"):
            fixed.setdefault(normal(name), line.strip())
    return (pin for name, pin in sorted(fixed.items()) if name not in BUILD_TOOLS)


def normal(name: str) -> str:
    """The normalized name, independent of case and separators (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    wanted = requirements(Path("pyproject.toml").read_text(), sys.argv[1:])
    installed = {found.metadata["Name"]: found.version for found in distributions()}
    Path("requirements.txt").write_text("\n".join(wanted) + "\n")
    Path("pins.txt").write_text("\n".join(pins(installed, Path("constraints.txt").read_text())) + "\n")


if __name__ == "__main__":
    main()
