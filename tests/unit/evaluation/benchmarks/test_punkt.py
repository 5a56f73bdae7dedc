"""The sentence model: written once under the cache folder, found by NLTK, and splitting as the downloaded one does."""

from importlib import import_module
from pathlib import Path

import pytest

from spar.errors import StoreError
from spar.evaluation.benchmarks.ifeval.punkt import provide_punkt


@pytest.fixture
def nltk_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, and NLTK's search path as it was, afterwards."""
    paths = import_module("nltk.data").path
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(import_module("nltk.data"), "path", list(paths))
    return tmp_path


def test_it_is_written_once_and_found_first(nltk_data: Path) -> None:
    provide_punkt()
    (folder,) = (nltk_data / "spar").glob("nltk-punkt-*/tokenizers/punkt_tab/english")
    names = {"abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt"}
    assert {file.name for file in folder.iterdir()} == names
    assert [place.name for place in folder.parent.iterdir()] == ["english"]  # nothing half-written stays
    written = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    provide_punkt()
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == written
    assert str(import_module("nltk.data").find("tokenizers/punkt_tab/english")).startswith(str(nltk_data))


def test_sentences_end_where_the_trained_model_says(nltk_data: Path) -> None:
    provide_punkt()
    tokenizer = import_module("nltk.tokenize.punkt").PunktTokenizer()
    text = "Dr. Smith left the U.S. in Jan. 1990. He went to Rome. It rained."
    assert tokenizer.tokenize(text) == ["Dr. Smith left the U.S. in Jan. 1990.", "He went to Rome.", "It rained."]


def test_a_cache_that_cannot_be_written_is_told(nltk_data: Path) -> None:
    (nltk_data / "spar").write_text("a file, not a folder")
    with pytest.raises(StoreError, match="cannot be written"):
        provide_punkt()
