"""A run is told before it starts that its given data are worded otherwise than its templates."""

import json
from pathlib import Path

import pytest

from spar.method.records import Message
from spar.method.templates import TemplateSet, builtin_templates
from spar.recipes.load import load_recipe
from spar.submission.prepare import form_notes

SPAR, COMPACT = builtin_templates("spar"), builtin_templates("compact")


def write(path: Path, templates: TemplateSet, judgments: int, refinements: int) -> Path:
    judged = [
        [*templates.judge_messages("a", str(n)), Message("assistant", "Final Judgement: No")] for n in range(judgments)
    ]
    refined = [
        [*templates.refine_messages("a", str(n), "Final Judgement: No"), Message("assistant", "[[start]] b [[end]]")]
        for n in range(refinements)
    ]
    rows = [{"messages": [{"role": m.role, "content": m.content} for m in each]} for each in [*judged, *refined]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def responses(tmp_path: Path) -> Path:
    path = tmp_path / "responses.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n')
    return path


def notes(settings: list[str]) -> tuple[str, ...]:
    recipe = load_recipe("demo", settings)
    return tuple(form_notes(recipe, builtin_templates(recipe.templates)))


def given(actor: Path, *refiner: Path) -> list[str]:
    files = ", ".join(f"'{file}'" for file in refiner)
    return [f"init={{data: {{actor: ['{actor}'], refiner: [{files}]}}}}"]


def test_data_in_the_sets_own_words_need_no_note(tmp_path: Path, responses: Path) -> None:
    assert notes(given(responses, write(tmp_path / "own.jsonl", COMPACT, 3, 2))) == ()
    assert notes([]) == ()


def test_each_file_in_other_words_is_named_with_its_counts(tmp_path: Path, responses: Path) -> None:
    own, other = write(tmp_path / "own.jsonl", COMPACT, 3, 2), write(tmp_path / "other.jsonl", SPAR, 3, 2)
    [note] = notes(given(responses, own, other))
    assert str(other) in note
    assert "3 of 3 judgments and of 2 of 2 refinements are not worded as in the template set compact" in note
    assert "templates: to a folder" in note


def test_what_is_mixed_in_is_looked_at_too(tmp_path: Path) -> None:
    mixed = write(tmp_path / "mixed.jsonl", SPAR, 1, 0)
    with mixed.open("a") as file:
        file.write('{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}\n')
    recipe = load_recipe("self", [f"training.mix={mixed}"])
    [note] = form_notes(recipe, COMPACT)
    assert note.startswith("training.mix")
    assert "1 of 1 judgments" in note
