"""`spar fetch`: downloads published files, verified by SHA-256: a benchmark's data, or the authors' templates.

The templates are not part of this project: they are extracted from the authors' sources, with attribution. `$prompt`
and `$response` replace the sources' own placeholders; none of the sources is executed.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from spar.benchmark_records import PublishedSource
from spar.benchmark_registry import BENCHMARKS
from spar.cli.console import out
from spar.errors import DataError
from spar.method.templates.reference import templates_of

SOURCES = {name: each.source for name, each in BENCHMARKS.items() if each.source is not None}
"""By benchmark."""
RELEASE = PublishedSource(
    base="https://raw.githubusercontent.com/thu-coai/SPaR/6497aba42fb8ec77eecbdaa376faa3af68d83b17",
    licence="Apache-2.0",
    files={
        "src/tasks/prompts.py": "7ead5f8e8c0c1a3ea4bdaa87ee1fcbf78d6f2aa011e3921b4ebeb670c82da535",
        "src/tasks/science.py": "da69126532b5d7ce5a15f4a3794093fb2a625eefd22a8b2b51233378973f05dc",
        "LICENSE": "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
    },
)
"""The authors' implementation: the wording that their data and models have."""
TEMPLATES = "spar-templates"
TIMEOUT_S = 60.0
"""For one file; the largest has 0.6 MB."""


def fetch(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join((*SOURCES, TEMPLATES))}.", metavar="NAME")],
    to: Annotated[Path | None, typer.Option("--out", help="Output folder. [default: NAME]")] = None,
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="FOLDER|URL", help="A local copy of the published folder, or a mirror."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Download a benchmark's data and verify every file by SHA-256. Files that are already correct are not downloaded.

    spar-templates builds a template set from the prompts in the authors' release; --from names a checkout of it.
    """
    if name == TEMPLATES:
        _fetch_templates(to or Path(name), origin, as_json)
        return
    if name not in SOURCES:
        raise DataError(f"Unknown name '{name}'.", f"Choose one of: {', '.join((*SOURCES, TEMPLATES))}.")
    source, folder = SOURCES[name], to or Path(name)
    fetched = [
        path for path, digest in source.files.items() if _put(folder / path, digest, path, origin or source.base)
    ]
    result = {"benchmark": name, "folder": str(folder), "licence": source.licence, "fetched": fetched}
    if as_json:
        typer.echo(json.dumps({**result, "files": dict(source.files)}))
        return
    out.print(_summary(name, source, folder, len(fetched)), soft_wrap=True, markup=False)


def _fetch_templates(folder: Path, origin: str | None, as_json: bool) -> None:
    written = write_templates(RELEASE, folder, lambda path, digest: published(path, digest, origin or RELEASE.base))
    if as_json:
        typer.echo(json.dumps(written))
        return
    out.print(
        f"{TEMPLATES}: {folder} holds the templates of thu-coai/SPaR ({RELEASE.licence}): --set templates={folder}",
        soft_wrap=True,
        markup=False,
    )


def _summary(name: str, source: PublishedSource, folder: Path, fetched: int) -> str:
    there = len(source.files) - fetched
    return (
        f"{name}: {fetched} files fetched, {there} already there, all as published ({source.licence}): --data {folder}"
    )


def _put(target: Path, digest: str, path: str, origin: str) -> bool:
    """Write one file unless it exists as published. Raises DataError, writing nothing, if the bytes differ."""
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == digest:
        return False
    raw = published(path, digest, origin)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    partial.write_bytes(raw)
    partial.replace(target)
    return True


def published(path: str, digest: str, origin: str) -> bytes:
    """A file of a folder or a mirror. Raises DataError if its bytes differ from the published ones."""
    place = f"{origin.rstrip('/')}/{path}"
    raw = _download(place) if "://" in origin else _read(Path(place))
    found = hashlib.sha256(raw).hexdigest()
    if found != digest:
        raise DataError(
            f"{place} is not the published file: its SHA-256 is {found}, not {digest}.",
            "Name another copy with --from.",
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
            f"{url} cannot be downloaded: {error}.", "Without network access, name a copy with --from FOLDER."
        ) from error
    return reply.content


JUDGE, REFINE, LICENCE = "src/tasks/prompts.py", "src/tasks/science.py", "LICENSE"


def write_templates(source: PublishedSource, folder: Path, read: Callable[[str, str], bytes]) -> Mapping[str, object]:
    """Write judge.txt, refine.txt, the licence and a notice; `read` returns a file verified by its digest.

    The notice is a separate file, since everything in a template becomes part of the model's prompt.
    """
    texts = {path: _decoded(path, read(path, digest)) for path, digest in source.files.items()}
    templates = templates_of(folder.name, texts[JUDGE], texts[REFINE])
    notice = (
        f"judge.txt and refine.txt are made from the prompts in {JUDGE} and {REFINE} of {source.base},\n"
        f"{source.licence} (LICENSE.txt). Changed: the placeholders are written $prompt and $response.\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        "judge.txt": templates.judge + "\n",
        "refine.txt": templates.refine + "\n",
        "NOTICE.txt": notice,
        "LICENSE.txt": texts[LICENCE],
    }
    for name, text in written.items():
        partial = folder / f"{name}.partial"
        partial.write_bytes(text.encode())
        partial.replace(folder / name)
    return {"templates": str(folder), "licence": source.licence, "source": source.base, "written": list(written)}


def _decoded(path: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text ({error}).", "Name another checkout with --from.") from error
