"""Responses to IFEval's prompts in the forms of IFEval's own script, of lm-eval, and ours: the same scores."""

import json
from typing import Any

import pytest

from spar.errors import DataError
from spar.evaluation.benchmarks.ifeval.responses import key_of, keys_by_prompt, response_of
from spar.evaluation.benchmarks.rows import NumberedRow

PROMPTS = {7: "Describe the sea in lower case.", 9: "Name a mountain.", 11: "Say it twice.", 12: "Say it twice."}
BY_PROMPT = keys_by_prompt((prompt, key) for key, prompt in PROMPTS.items())


def read(**fields: Any) -> tuple[int, str]:
    line = NumberedRow(3, json.loads(json.dumps(fields)), "answers.jsonl")
    return key_of(line, BY_PROMPT), response_of(line)


@pytest.mark.parametrize(
    "fields",
    [
        {"key": 9, "response": "Etna"},
        {"key": "9", "response": "Etna"},
        {"prompt": PROMPTS[9], "response": "Etna"},
        {"key": 9, "prompt": "as it was sent", "response": "Etna"},
        {"doc_id": 1, "doc": {"key": 9, "prompt": PROMPTS[9]}, "resps": [["Etna"]], "filtered_resps": ["Etna"]},
        {"doc_id": 1, "doc": {"prompt": PROMPTS[9]}, "resps": [["raw"]], "filtered_resps": ["Etna"]},
        {"doc": {"key": "9"}, "resps": [["Etna"]]},
    ],
)
def test_every_form_names_its_item_and_response(fields: dict[str, Any]) -> None:
    assert read(**fields) == (9, "Etna")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"prompt": PROMPTS[11], "response": "x"}, "2 items have its prompt: name the key"),
        ({"prompt": "Another.", "response": "x"}, "no item of its prompt"),
        ({"text": "x", "id": 9}, r"rows are \{key, response\}.*this one has id, text"),
        ({"key": 9, "text": "x"}, "'response' is missing"),
        ({"doc": {"key": 9}, "filtered_resps": ["one", "two"]}, "holds 2 responses"),
        ({"doc": {"key": 9}, "resps": [[None]]}, "not one text"),
    ],
)
def test_what_no_form_fits_is_refused_with_its_line(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=f"line 3: .*{reason}"):
        read(**fields)
