"""Training sets of others: the authors' release by its form, LLaMA-Factory's layouts, and what is left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from spar.data.readers.conversations import read_conversations
from spar.data.sets.importing import SetsManifest, import_sets
from spar.errors import DataError
from spar.export.layouts import alpaca_example, alpaca_pair, messages_example, sharegpt_example, sharegpt_pair
from spar.method.records import Example, ExampleKind, Message, Pair, Prompt
from spar.method.templates import builtin_templates
from tests.unit.data.files import read_lines

TEMPLATES = builtin_templates("spar")
PROMPT, BAD, GOOD = "Write one line.", "One\ntwo", "One line"
CRITIQUE = "Step-by-step verification: two lines\nFinal Judgement (if the Output accurately follows the Prompt): No"
REFINED = f"Reflection: one line\nFinal Refined Output: [[start]] {GOOD} [[end]]"
PAIR = Pair(prompt=Prompt.of(PROMPT), chosen=GOOD, rejected=BAD)


def turns(*texts: str) -> list[dict[str, str]]:
    roles = ("user", "assistant") * len(texts)
    return [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]


JUDGE = TEMPLATES.judge_messages(PROMPT, BAD)[0].content
REFINE = TEMPLATES.refine_messages(PROMPT, BAD, CRITIQUE)[2].content
JUDGMENT, REFINEMENT = turns(JUDGE, CRITIQUE), turns(JUDGE, CRITIQUE, REFINE, REFINED)
TALK = turns(PROMPT, GOOD)
DPO = {"messages": turns(PROMPT), "chosen": turns("", GOOD)[1], "rejected": turns("", BAD)[1]}


def write(path: Path, rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=4), encoding="utf-8")
    return path


def rejects(out: Path) -> list[tuple[str, str]]:
    return [(row["kind"], row["reason"]) for row in read_lines(out / "rejects.jsonl")]


def sizes(manifest: SetsManifest) -> dict[str, int]:
    return {kind: number for kind, number in manifest.sets.items() if number}


def test_the_authors_release_becomes_four_sets(tmp_path: Path) -> None:
    release, out = tmp_path / "SPaR", tmp_path / "out"
    write(release / "sft" / "data.json", [{"messages": turns(PROMPT, GOOD)}])
    write(release / "llama3_8b" / "actor" / "iter1.json", [DPO])
    write(release / "llama3_8b" / "refiner" / "iter1.json", [{"messages": JUDGMENT}, {"messages": REFINEMENT}])
    (release / "README.md").write_text("A card.", encoding="utf-8")
    manifest = import_sets([release], out)
    assert sizes(manifest) == {"responses": 1, "judgments": 1, "refinements": 1, "pairs": 1}
    assert (manifest.read, manifest.rejected, len(manifest.sources)) == (4, {}, 3)
    assert read_lines(out / "pairs.jsonl") == [
        {"prompt": turns(PROMPT), "chosen": turns("", GOOD)[1:], "rejected": turns("", BAD)[1:]}
    ]
    (example,) = read_conversations(out / "refinements.jsonl", 10)  # what recipes read
    assert [message.content for message in example.messages] == [JUDGE, CRITIQUE, REFINE, REFINED]


def test_a_prompt_may_speak_of_the_final_judgement(tmp_path: Path) -> None:
    rows = [{"messages": turns("Write a poem about the Final Judgement.", GOOD)}]
    assert sizes(import_sets([write(tmp_path / "rows.json", rows)], tmp_path / "out")) == {"responses": 1}


def test_the_story_worlds_conversations_are_told_apart(tmp_path: Path) -> None:
    compact = builtin_templates("compact")
    judge = compact.judge_messages("end moss", "harp")[0].content
    refine = compact.refine_messages("end moss", "harp", "any")[2].content
    critique = "end moss : got harp no ; Final Judgement : No"
    rows = [turns("end moss", "harp"), turns(judge, critique), turns(judge, critique, refine, "[[start]] moss [[end]]")]
    manifest = import_sets([write(tmp_path / "rows.json", [{"messages": row} for row in rows])], tmp_path / "out")
    assert sizes(manifest) == {"responses": 1, "judgments": 1, "refinements": 1}


def _example(*texts: str) -> Example:
    messages = tuple(Message(turn["role"], turn["content"]) for turn in turns(*texts))
    return Example("id", ExampleKind.REFINEMENT, messages)


@pytest.mark.parametrize(
    ("pair", "conversation"),
    [
        (sharegpt_pair(PAIR), sharegpt_example(_example(JUDGE, CRITIQUE, REFINE, REFINED))),
        (alpaca_pair(PAIR), alpaca_example(_example(JUDGE, CRITIQUE, REFINE, REFINED))),
        (DPO, messages_example(_example(JUDGE, CRITIQUE, REFINE, REFINED))),
        ({"prompt": PROMPT, "chosen": GOOD, "rejected": BAD}, {"prompt": PROMPT, "response": GOOD}),
    ],
)
def test_usual_layouts_are_told_by_their_rows(tmp_path: Path, pair: Any, conversation: Any) -> None:
    source = write(tmp_path / "mixed.json", [pair, conversation])
    manifest = import_sets([source], tmp_path / "out")
    assert manifest.sets["pairs"] == 1, rejects(tmp_path / "out")
    assert manifest.sets["refinements"] + manifest.sets["responses"] == 1
    assert read_lines(tmp_path / "out" / "pairs.jsonl")[0]["prompt"] == turns(PROMPT)


def test_dataset_info_says_which_names_are_meant(tmp_path: Path) -> None:
    info = {
        "dpo": {
            "file_name": "a/dpo.json",
            "formatting": "sharegpt",
            "ranking": True,
            "columns": {"messages": "talk", "chosen": "better", "rejected": "worse"},
            "tags": {"role_tag": "who", "content_tag": "what", "user_tag": "U", "assistant_tag": "A"},
        },
        "sft": {"file_name": "sft.json", "columns": {"prompt": "ask", "response": "say", "history": "past"}},
        "elsewhere": {"hf_hub_url": "some/where"},
    }
    write(tmp_path / "in" / "dataset_info.json", info)
    turn = {"who": "A", "what": BAD}
    write(
        tmp_path / "in" / "a" / "dpo.json",
        [{"talk": [{"who": "U", "what": PROMPT}], "better": {"who": "A", "what": GOOD}, "worse": turn}, DPO],
    )
    write(tmp_path / "in" / "sft.json", [{"ask": PROMPT, "say": GOOD, "past": [["Hello", "Hi"]], "input": ""}])
    manifest = import_sets([tmp_path / "in"], tmp_path / "out")
    assert sizes(manifest) == {"pairs": 1, "responses": 1}
    assert read_lines(tmp_path / "out" / "responses.jsonl")[0]["messages"] == turns("Hello", "Hi", PROMPT, GOOD)
    assert [kind for kind, _ in rejects(tmp_path / "out")] == ["layout"]  # names that were not announced


@pytest.mark.parametrize(
    ("row", "kind", "told"),
    [
        ({"messages": turns(PROMPT)}, "layout", "do not alternate between user and assistant"),
        ({"messages": []}, "layout", "do not alternate between user and assistant"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "tools", "the role 'tool'"),
        ({"messages": turns(PROMPT, "")}, "unusable", "a text is empty"),
        ({"text": "x"}, "layout", "no prompt"),
        ({**DPO, "messages": turns(PROMPT, "Hi", "More")}, "layout", "one turn of the user"),
        ({**DPO, "chosen": DPO["rejected"]}, "unusable", "chosen and rejected are the same"),
        ({**DPO, "rejected": None}, "layout", "no rejected"),
        ({**DPO, "system_prompt": "Be kind."}, "system", "here is a system message"),
        ({"question": PROMPT, "chosen": GOOD, "rejected": GOOD}, "unusable", "chosen and rejected are the same"),
        ({"messages": TALK, "label": False}, "not_learned", "`label` is false"),
        ({"instruction": PROMPT, "output": BAD, "kto_tag": "False"}, "not_learned", '`kto_tag` is "False"'),
        ({"prompt": PROMPT, "completion": BAD, "label": 0}, "not_learned", "`label` is 0"),
        ({"messages": [TALK[0], {**TALK[1], "weight": 0}]}, "not_learned", "(weight: 0)"),
        ({"conversations": [TALK[0], {**TALK[1], "train": False}]}, "not_learned", "(train: false)"),
        ({"messages": [TALK[0], {**TALK[1], "loss": False}]}, "not_learned", "(loss: false)"),
        ({"messages": [TALK[0], {**TALK[1], "train_detail": [{"train": False}]}]}, "not_learned", "(train_detail"),
        ({"messages": TALK, "weight": -1}, "not_learned", "(weight: -1)"),
        ({"messages": TALK, "weight": 0.0}, "not_learned", "the row is excluded from training (weight: 0.0)"),
        ({"messages": TALK, "images": ["a.png"]}, "more_than_text", "`images` is not empty"),
        ({"messages": turns("<image>" + PROMPT, GOOD)}, "more_than_text", "placeholder for more than text: <image>"),
        (
            {"messages": TALK, "tools": '[{"name": "x"}]'},
            "tools",
            "`tools` is not empty (`--tools` of an import decides)",
        ),
        (
            {"messages": [TALK[0], {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]}]},
            "tools",
            "a turn of the assistant calls a tool and has no text",
        ),
        ({"messages": "no list"}, "layout", "`messages` is a text, but not a list of messages in JSON"),
        ({"prompt": PROMPT}, "layout", "no response"),
        ({"chosen": GOOD, "rejected": BAD}, "layout", "no prompt, and chosen and rejected do not hold it"),
        (
            {"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Hi\n\nAssistant: No"},
            "layout",
            "dialogues in one text each",
        ),
        (
            {"chosen": turns(PROMPT, GOOD), "rejected": turns("Another.", BAD)},
            "layout",
            "(2 and 2 turns) differ before their last turn",
        ),
        (
            {"chosen": turns("Hi", "Hello", PROMPT, GOOD), "rejected": turns("Hi", "Hello", PROMPT, BAD)},
            "layout",
            "here are 3: user, assistant, user",
        ),
        (
            {"prompt": "Another.", "chosen": turns(PROMPT, GOOD), "rejected": turns(PROMPT, BAD)},
            "layout",
            "its prompt is not the one that chosen and rejected start with",
        ),
        ({"chosen": turns(PROMPT), "rejected": turns(PROMPT)}, "layout", "does not end with a turn of the assistant"),
        (
            {"prompt": PROMPT, "system": "Be brief.", "chosen": GOOD, "rejected": BAD},
            "system",
            "here is a system message",
        ),
        ({"messages": turns(JUDGE, "I cannot say.")}, "unusable", "without a readable verdict"),
        ({"messages": turns(JUDGE, CRITIQUE, REFINE, "[[start]] One")}, "unusable", "between [[start]] and [[end]]"),
        (["no", "keys"], "broken", "not a row of keys"),
    ],
)
def test_a_row_that_teaches_nothing_is_told(tmp_path: Path, row: Any, kind: str, told: str) -> None:
    manifest = import_sets([write(tmp_path / "rows.json", [row, DPO, DPO])], tmp_path / "out")
    assert sizes(manifest) == {"pairs": 1}
    (first, second) = rejects(tmp_path / "out")
    assert first[0] == kind
    assert told in first[1]
    assert second[0] == "duplicate"
    assert manifest.rejected == {kind: 1, "duplicate": 1}


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": turns(PROMPT, GOOD), "rejected": turns(PROMPT, BAD)},  # TRL's implicit prompt
        {"prompt": PROMPT, "chosen": turns(PROMPT, GOOD), "rejected": turns(PROMPT, BAD), "messages": TALK},
        {"prompt": turns(PROMPT), "chosen": turns(PROMPT, GOOD), "rejected": turns(PROMPT, BAD)},
        {"chosen": json.dumps(turns(PROMPT, GOOD)), "rejected": json.dumps(turns(PROMPT, BAD))},
        {"prompt": PROMPT, "chosen": GOOD, "rejected": BAD, "messages": TALK},
        {"messages": TALK, "rejected_response": BAD},  # ms-swift
        {
            "input": {"messages": turns(PROMPT), "tools": []},  # OpenAI
            "preferred_output": turns("", GOOD)[1:],
            "non_preferred_output": turns("", BAD)[1:],
        },
    ],
)
def test_pairs_in_the_layouts_of_public_sets(tmp_path: Path, row: Any) -> None:
    import_sets([write(tmp_path / "rows.json", [row])], tmp_path / "out")
    assert rejects(tmp_path / "out") == []
    assert read_lines(tmp_path / "out" / "pairs.jsonl") == [
        {"prompt": turns(PROMPT), "chosen": turns("", GOOD)[1:], "rejected": turns("", BAD)[1:]}
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": t["role"], "content": [{"type": "text", "text": t["content"]}]} for t in TALK]},
        {"messages": json.dumps(TALK), "label": True, "weight": 1},
        {"conversations": {"from": ["human", "gpt"], "value": [PROMPT, GOOD]}, "images": None},
        {"prompt": turns(PROMPT), "completion": TALK[1:]},
        {"prompt": turns(PROMPT), "completion": GOOD, "tools": "[]"},
        {"messages": [{**TALK[0], "weight": 0, "train": False}, {**TALK[1], "weight": 1, "train": True, "loss": None}]},
        {"prompt": PROMPT, "messages": TALK},
    ],
)
def test_conversations_in_the_layouts_of_public_sets(tmp_path: Path, row: Any) -> None:
    import_sets([write(tmp_path / "rows.json", [row])], tmp_path / "out")
    assert rejects(tmp_path / "out") == []
    assert read_lines(tmp_path / "out" / "responses.jsonl") == [{"messages": TALK}]


def test_dataset_info_names_the_columns_that_decide_too(tmp_path: Path) -> None:
    columns = {"messages": "talk", "images": "pictures", "tools": "abilities", "kto_tag": "fine"}
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    entry = {"file_name": "rows.json", "formatting": "sharegpt", "columns": columns, "tags": tags}
    write(tmp_path / "in" / "dataset_info.json", {"rows": entry})
    extra: list[dict[str, Any]] = [{}, {"pictures": ["a.png"]}, {"abilities": "[{}, 1]"}, {"fine": False}]
    write(tmp_path / "in" / "rows.json", [{"talk": TALK, **row} for row in extra])
    manifest = import_sets([tmp_path / "in"], tmp_path / "out")
    assert manifest.rejected == {"more_than_text": 1, "tools": 1, "not_learned": 1}
    assert sizes(manifest) == {"responses": 1}


def test_what_cannot_be_read_at_all_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    pointer = tmp_path / "data.json"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", encoding="utf-8")
    with pytest.raises(DataError, match="Git LFS pointer"):
        import_sets([pointer], out)
    (tmp_path / "torn.json").write_text('[{"messages": []}, {"mess', encoding="utf-8")
    with pytest.raises(DataError, match=r"torn\.json"):
        import_sets([tmp_path / "torn.json"], out)
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "absent", tmp_path / "empty"):
        with pytest.raises(DataError, match=r"does not exist|No data file"):
            import_sets([path], out)
    write(tmp_path / "told" / "data.json", [DPO])
    write(tmp_path / "told" / "dataset_info.json", {"a": []})
    with pytest.raises(DataError, match="LLaMA-Factory"):
        import_sets([tmp_path / "told"], out)
    assert not any(out.iterdir())


def test_an_output_is_written_anew_only_if_asked(tmp_path: Path) -> None:
    source, out = write(tmp_path / "rows.json", [DPO]), tmp_path / "out"
    import_sets([source], out)
    with pytest.raises(DataError, match="--replace"):
        import_sets([source], out)
    assert sizes(import_sets([source], out, replace=True)) == {"pairs": 1}
    strange = tmp_path / "strange"
    write(strange / "mine.json", [])
    with pytest.raises(DataError, match="does not hold an import of training sets"):
        import_sets([source], strange, replace=True)
