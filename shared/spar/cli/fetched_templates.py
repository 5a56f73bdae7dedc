"""A template set out of the authors' published sources, which this project does not carry: its files, with attribution.

`$prompt` and `$response` stand where the sources fill in theirs. Nothing of the sources is executed.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from spar.errors import DataError
from spar.evaluation.benchmark_sources import PublishedSource
from spar.method.templates.reference import templates_of

JUDGE, REFINE, LICENCE = "src/tasks/prompts.py", "src/tasks/science.py", "LICENSE"


def write_templates(source: PublishedSource, folder: Path, read: Callable[[str, str], bytes]) -> Mapping[str, object]:
    """Write judge.txt and refine.txt, the licence and a notice; `read` gives a file that was checked by its digest.

    The notice is a file of its own: whatever stands in a template is part of what a model is prompted with.
    """
    texts = {path: _decoded(path, read(path, digest)) for path, digest in source.files.items()}
    templates = templates_of(folder.name, texts[JUDGE], texts[REFINE])
    told = (
        f"judge.txt and refine.txt are made of the prompts in {JUDGE} and {REFINE} of {source.base},\n"
        f"{source.licence} (LICENSE.txt). Changed: the places to fill in are written $prompt and $response.\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        "judge.txt": templates.judge + "\n",
        "refine.txt": templates.refine + "\n",
        "NOTICE.txt": told,
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
        raise DataError(f"{path} is no UTF-8 text ({error}).", "Name another checkout with --from.") from error
