"""Which sampling defaults of a model's folder an engine leaves out, and that it reports them once."""

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from spar.engines.generation_defaults import FILE, unused_defaults, warn_of_unused_defaults
from spar.engines.vllm_server.lineup import look_at
from tests.unit.engines.vllm_models import write_adapter, write_model


def write(folder: Path, content: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("content", "unused"),
    [
        ({"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 9, "eos_token_id": [1], "do_sample": True}, {}),
        ({"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "top_h": None}, {}),
        (
            {"top_k": 20, "repetition_penalty": 1.05, "min_p": 0.1, "no_repeat_ngram_size": 3},
            {"top_k": 20, "repetition_penalty": 1.05, "min_p": 0.1, "no_repeat_ngram_size": 3},
        ),
        ({"suppress_tokens": [], "bad_words_ids": [[5]]}, {"bad_words_ids": [[5]]}),
        (["top_k"], {}),
    ],
)
def test_what_a_recipe_has_no_key_for_and_changes_replies_is_unused(
    content: object, unused: dict[str, Any], tmp_path: Path
) -> None:
    assert unused_defaults(write(tmp_path, content)) == unused


def test_a_missing_or_broken_file_names_nothing(tmp_path: Path) -> None:
    assert unused_defaults(tmp_path) == {}
    (tmp_path / FILE).write_text("{")
    assert unused_defaults(tmp_path) == {}


def test_the_same_defaults_are_reported_once(tmp_path: Path) -> None:
    first, second = (write(tmp_path / name, {"repetition_penalty": 1.0101}) for name in "ab")
    with capture_logs() as logs:
        for folder in (first, second, first):
            warn_of_unused_defaults(folder)
    [line] = logs
    assert (line["event"], line["file"]) == ("sampling_defaults_not_used", str(first / FILE))
    assert line["defaults"] == '{"repetition_penalty": 1.0101}'


def test_the_vllm_engine_reports_those_of_an_adapters_base(tmp_path: Path) -> None:
    base = write_model(tmp_path, "base").path
    assert base is not None
    write(base, {"top_k": 1213})
    with capture_logs() as logs:
        look_at(write_adapter(tmp_path, "adapter", base))
    assert [line["file"] for line in logs] == [str(base / FILE)]
