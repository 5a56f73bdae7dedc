"""`spar fetch`: published files into a folder, checked by SHA-256: a benchmark's data, or the authors' templates."""

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer

from spar.cli.console import out
from spar.errors import DataError
from spar.evaluation.benchmark_sources import RELEASE, SOURCES, PublishedSource

TEMPLATES = "spar-templates"
TIMEOUT_S = 60.0
"""Of one file: the largest has 0.6 MB."""


def fetch(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join((*SOURCES, TEMPLATES))}.", metavar="NAME")],
    to: Annotated[Path | None, typer.Option("--out", help="The folder (by default the name).")] = None,
    origin: Annotated[
        str | None, typer.Option("--from", metavar="FOLDER|URL", help="A copy of the published folder, or a mirror.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fetch a benchmark's data and check every file by its SHA-256. Files that are there and right are not fetched.

    spar-templates makes a template set of the forms in the authors' release; --from names a checkout of it.
    """
    if name == TEMPLATES:
        _fetch_templates(to or Path(name), origin, as_json)
        return
    if name not in SOURCES:
        raise DataError(f"There is no source for '{name}'.", f"Choose one of: {', '.join((*SOURCES, TEMPLATES))}.")
    source, folder = SOURCES[name], to or Path(name)
    fetched = [
        path for path, digest in source.files.items() if _put(folder / path, digest, path, origin or source.base)
    ]
    told = {"benchmark": name, "folder": str(folder), "licence": source.licence, "fetched": fetched}
    if as_json:
        typer.echo(json.dumps({**told, "files": dict(source.files)}))
        return
    out.print(_summary(name, source, folder, len(fetched)), soft_wrap=True, markup=False)


def _fetch_templates(folder: Path, origin: str | None, as_json: bool) -> None:
    from spar.cli.fetched_templates import write_templates

    told = write_templates(RELEASE, folder, lambda path, digest: published(path, digest, origin or RELEASE.base))
    if as_json:
        typer.echo(json.dumps(told))
        return
    out.print(
        f"{TEMPLATES}: {folder} holds the forms of thu-coai/SPaR ({RELEASE.licence}): --set templates={folder}",
        soft_wrap=True,
        markup=False,
    )


def _summary(name: str, source: PublishedSource, folder: Path, fetched: int) -> str:
    there = len(source.files) - fetched
    return (
        f"{name}: {fetched} files fetched, {there} there already, all as published ({source.licence}): --data {folder}"
    )


def _put(target: Path, digest: str, path: str, origin: str) -> bool:
    """Write one file if it is not there as published. Raises DataError for other bytes; then nothing is written."""
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == digest:
        return False
    raw = published(path, digest, origin)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    partial.write_bytes(raw)
    partial.replace(target)
    return True


def published(path: str, digest: str, origin: str) -> bytes:
    """A file of a folder or a mirror. Raises DataError for other bytes than the published ones."""
    place = f"{origin.rstrip('/')}/{path}"
    raw = _download(place) if "://" in origin else _read(Path(place))
    found = hashlib.sha256(raw).hexdigest()
    if found != digest:
        raise DataError(
            f"{place} is not the published file: its SHA-256 is {found}, not {digest}.",
            "Name the folder of another copy with --from.",
        )
    return raw


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.", "Name the published folder with --from.") from error


def _download(url: str) -> bytes:
    import httpx

    try:
        reply = httpx.get(url, timeout=TIMEOUT_S, follow_redirects=True)
        reply.raise_for_status()
    except httpx.HTTPError as error:
        raise DataError(
            f"{url} cannot be fetched: {error}.", "Where the network is closed, name a copy with --from FOLDER."
        ) from error
    return reply.content
