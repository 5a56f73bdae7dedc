"""Whole imports: every row is accounted for, each prompt in one part, the same again does nothing."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.data.importing import goes_to_sft, import_prompts
from spar.data.readers.prompts import read_prompts
from spar.data.settings import ImportSettings
from spar.errors import DataError
from tests.unit.data.files import ENGINE, POEM, RIVERS, imported, kinds_of, prompts_of, read_lines, write_lines


def test_every_row_is_kept_or_told(tmp_path: Path) -> None:
    source = write_lines(
        tmp_path / "a.jsonl",
        [
            {"prompt": POEM, "id": 1},
            {"prompt": POEM.replace(" a ", "  a ", 1), "id": 2},
            {"prompt": f"{POEM} Please.", "id": 3},
            {"prompt": ENGINE, "id": 1},
            {"prompt": ENGINE, "id": 4},
            b'{"prompt": "caf\xe9 and more"}',
            {"prompt": " "},
            {"prompt": "half \ud83d"},
            {"prompt": "x" * 99_999},
            {"prompt": "Erkläre einem Kind, wie eine Dampfmaschine funktioniert."},
            {"prompt": "Tell me, " + RIVERS},
            {"text": "none"},
            b"no row",
        ],
    )
    evaluation = write_lines(tmp_path / "eval.jsonl", [{"prompt": RIVERS}])
    done = imported(tmp_path / "out", [source], languages=("en",), evaluation=(evaluation,))
    assert prompts_of(tmp_path / "out") == [POEM]
    assert kinds_of(tmp_path / "out") == [
        (2, "duplicate"),
        (3, "near_duplicate"),
        (4, "duplicate_id"),
        (5, "duplicate"),
        (6, "encoding"),
        (7, "unusable"),
        (8, "unusable"),
        (9, "length"),
        (10, "language"),
        (11, "contaminated"),
        (12, "layout"),
        (13, "broken"),
    ]
    counts = done.manifest.counts
    assert counts.read == 13 == counts.sft + counts.self_play + sum(counts.rejected.values())
    assert done.manifest.read_by_source == {source: 13}
    reasons = {row["row"]: row["reason"] for row in read_lines(tmp_path / "out" / "rejects.jsonl")}
    assert reasons[3].startswith(f"nearly the same prompt as row 1 of {source} (similarity 0.")
    assert reasons[4] == f"the id '1' is that of row 1 of {source}, which is another prompt"
    assert reasons[11].endswith(f"the evaluation prompt {evaluation}:1")


def test_ids_are_those_of_their_source(tmp_path: Path) -> None:
    sources = [
        write_lines(tmp_path / f"{name}.jsonl", [{"prompt": text, "id": 0}])
        for name, text in (("a", POEM), ("b", ENGINE))
    ]
    imported(tmp_path / "out", sources)
    assert prompts_of(tmp_path / "out") == [POEM, ENGINE]


def test_each_prompt_is_in_one_part_whatever_else_is_imported(tmp_path: Path) -> None:
    texts = [f"Write about topic number {i} in {i % 7 + 2} sentences, and mention {i * 31}." for i in range(300)]
    few = write_lines(tmp_path / "few.jsonl", [{"prompt": text} for text in texts[:100]])
    many = write_lines(tmp_path / "many.jsonl", [{"prompt": text} for text in reversed(texts)])
    for name, source in (("few", few), ("many", many)):
        imported(tmp_path / f"out-{name}", [source], near=None, sft_share=0.3, seed=4)
    sft, play = (set(prompts_of(tmp_path / "out-many", part)) for part in ("sft", "self_play"))
    assert not sft & play
    assert sft | play == set(texts)
    assert 60 < len(sft) < 120
    assert set(prompts_of(tmp_path / "out-few", "sft")) == sft & set(texts[:100])
    others = {text for text in texts if goes_to_sft(text, ImportSettings(sft_share=0.3, seed=5))}
    assert others != sft


def test_a_recipe_reads_what_was_written(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "a.jsonl", [{"messages": [{"role": "user", "content": t}]} for t in (POEM, ENGINE)])
    imported(tmp_path / "out", [source])
    found = read_prompts(tmp_path / "out" / "self_play.jsonl")
    assert found.prompts == [POEM, ENGINE]
    assert found.rejects == []


def test_the_same_again_does_nothing_and_another_asks(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "a.jsonl", [{"prompt": POEM}, {"prompt": ENGINE}])
    out = tmp_path / "out"
    assert not imported(out, [source]).repeated
    before = (out / "self_play.jsonl").stat().st_mtime_ns
    assert imported(out, [source]).repeated
    assert (out / "self_play.jsonl").stat().st_mtime_ns == before
    with pytest.raises(DataError, match="--replace"):
        imported(out, [source], seed=1)
    assert not import_prompts([source], out, ImportSettings(seed=1), replace=True).repeated
    (out / "self_play.jsonl").write_text("changed")
    with pytest.raises(DataError, match="its files were changed"):
        imported(out, [source], seed=1)


def test_what_an_interrupted_import_left_is_no_hindrance(tmp_path: Path) -> None:
    good = write_lines(tmp_path / "a.jsonl", [{"prompt": POEM}])
    (tmp_path / "b.json").write_text('[{"prompt": "x"}, ')
    with pytest.raises(DataError, match="not a complete JSON array"):
        imported(tmp_path / "out", [good, str(tmp_path / "b.json")])
    assert list((tmp_path / "out").iterdir()) == []
    (tmp_path / "out" / ".work").mkdir()
    (tmp_path / "out" / "sft.jsonl").write_text("moved, and then it was killed")
    imported(tmp_path / "out", [good])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "manifest.json",
        "rejects.jsonl",
        "self_play.jsonl",
        "sft.jsonl",
    ]


def test_the_same_import_gives_the_same_bytes(tmp_path: Path) -> None:
    rows = [{"prompt": f"{POEM} And {i // 2} more words, {i}."} for i in range(40)]
    source = write_lines(tmp_path / "a.jsonl", rows)
    first, second = (imported(tmp_path / name, [source], sft_share=0.5).manifest for name in ("one", "two"))
    assert first.files == second.files


def test_other_things_are_not_written_over(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "a.jsonl", [{"prompt": POEM}])
    with pytest.raises(DataError, match="is not empty and does not hold an import"):
        imported(tmp_path, [source])
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match="not the manifest of an import"):
        imported(tmp_path, [source])
    with pytest.raises(DataError, match="is a file"):
        imported(tmp_path / "a.jsonl", [source])


def test_an_evaluation_set_that_cannot_be_read_whole_stops_it(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "a.jsonl", [{"prompt": POEM}])
    evaluation = write_lines(tmp_path / "e.jsonl", [{"prompt": "x"}, {"question": "y"}])
    with pytest.raises(DataError, match="Row 2 of the evaluation set"):
        imported(tmp_path / "out", [source], evaluation=(evaluation,))
    with pytest.raises(DataError, match=r"evaluation set .* does not exist"):
        imported(tmp_path / "out", [source], evaluation=(str(tmp_path / "nope"),))


@pytest.mark.parametrize("wrong", [{"near": 0.0}, {"overlap": 1.5}, {"sft_share": -0.1}, {"ngram": 0}])
def test_settings_that_mean_nothing(wrong: dict[str, float]) -> None:
    with pytest.raises(DataError):
        ImportSettings(**wrong)  # type: ignore[arg-type]


def test_the_command_prints_counts_that_add_up(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "a.jsonl", [{"prompt": POEM}, {"prompt": POEM}, {"prompt": ENGINE}, b"{"])
    arguments = ["prompts", "import", source, "--out", str(tmp_path / "out"), "--min-words", "3"]
    done = CliRunner().invoke(build_app("prompts"), arguments, catch_exceptions=False)
    assert done.exit_code == 0
    told = [line.split() for line in done.stdout.splitlines()[:5]]
    assert told == [
        ["rows", "read", "4"],
        ["-", "broken", "1"],
        ["-", "duplicate", "1"],
        ["=", "for", "SFT", "0"],
        ["=", "for", "self-play", "2"],
    ]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["counts"]["self_play"] == 2
    again = CliRunner().invoke(build_app("prompts"), arguments, catch_exceptions=False)
    assert "holds this import already" in again.stdout.replace("\n", " ")
