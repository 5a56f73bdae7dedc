"""Says what an image has to install: `python3 requirements.py [EXTRA ...]`, in a folder with the project's lists.

    requirements.txt   the dependencies that pyproject.toml names, with those extras
    pins.txt           the version of everything: what the base image has stays, the rest is constraints.txt's

Runs before the project's code is copied, so that a change of code installs no dependency again. Knows nothing of
which base image it runs in.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path

BUILD_TOOLS = {"pip", "setuptools", "wheel"}
"""Each image keeps its own; the project's wheel is built in a stage of its own."""


def requirements(pyproject: str, extras: Sequence[str]) -> list[str]:
    """What the project needs. An extra that is not there is a KeyError."""
    project = tomllib.loads(pyproject)["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return wanted


def pins(installed: dict[str, str], constraints: str) -> Iterator[str]:
    """One `name==version` a package: as installed, or else as constrained."""
    fixed = {normal(name): f"{name}=={version}" for name, version in installed.items()}
    for line in constraints.splitlines():
        name, equals, _ = line.partition("==")
        if equals and not line.startswith("#"):
            fixed.setdefault(normal(name), line.strip())
    return (pin for name, pin in sorted(fixed.items()) if name not in BUILD_TOOLS)


def normal(name: str) -> str:
    """Names are the same whatever their case and separators (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    wanted = requirements(Path("pyproject.toml").read_text(), sys.argv[1:])
    installed = {found.metadata["Name"]: found.version for found in distributions()}
    Path("requirements.txt").write_text("\n".join(wanted) + "\n")
    Path("pins.txt").write_text("\n".join(pins(installed, Path("constraints.txt").read_text())) + "\n")


if __name__ == "__main__":
    main()
