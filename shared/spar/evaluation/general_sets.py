"""The published files of GSM8K, TriviaQA, MMLU and HumanEval, laid out as lm-eval's own tasks expect them.

lm-eval's tasks name a dataset of the hub. A folder of that name in lm-eval's working directory replaces it, so that
prompts, examples and scores are lm-eval's own, wherever the files came from. Knows nothing of models and scores.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from spar.data.readers.benchmark_files import DataFile, read_tree
from spar.errors import DataError
from spar.evaluation.benchmarks.rows import read_bytes, read_lines

Rows = list[dict[str, Any]]
Sets = Mapping[str, Mapping[str, Rows]]
"""Rows by the names that lm-eval's task has for the dataset's part and its split."""
LETTERS = "ABCD"
NOT_SHOWN: Rows = [{"question": "", "question_id": "", "answer": {"value": "", "aliases": [""]}}]
"""lm-eval opens TriviaQA's training split, but without few-shot examples no prompt contains a row of it."""


def is_own(data: Path) -> bool:
    """Whether a folder holds task files of lm-eval, not a benchmark's data."""
    return data.is_dir() and any(data.rglob("*.yaml"))


def lay_out(tasks: Sequence[str], data: Path, below: Path) -> str:
    """Write the tasks' datasets below the folder; returns a digest of their rows. Raises DataError.

    `data` is the file or folder of one task, or a folder with a folder of each task's name.
    """
    whole = hashlib.sha256()
    for task in sorted(tasks):
        hub, read = DATASETS[task]
        folder = below / hub
        for place, rows in _write(folder, read(_place(task, tasks, data))):
            whole.update(f"{hub}/{place}\0{len(rows)}\0".encode() + rows)
    return whole.hexdigest()


def files_for_run(tasks: Sequence[str], data: Path) -> list[DataFile]:
    """What a run keeps of `data`: the tasks' datasets as lm-eval expects them, or the user's own task files."""
    if is_own(data):
        return read_tree(data)
    with TemporaryDirectory(prefix="spar-general-") as name:
        lay_out(tasks, data, Path(name))
        return read_tree(Path(name))


def questions_in(files: Sequence[DataFile]) -> list[str]:
    """The questions in the files' rows, where they are named `question` or `prompt`."""
    named = [file for file in files if file.name.endswith(".jsonl")]
    rows = [_row(file, line) for file in named for line in file.text.splitlines() if line.strip()]
    questions = [row.get("question", row.get("prompt")) for row in rows if isinstance(row, dict)]
    return [text for text in questions if isinstance(text, str) and text.strip()]


def _row(file: DataFile, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise DataError(f"{file.name} has a line that is no JSON ({error}).", "Correct it.") from error


def _place(task: str, tasks: Sequence[str], data: Path) -> Path:
    if (data / task).is_dir():
        return data / task
    if len(tasks) > 1:
        raise DataError(
            f"{data} has no folder {task}.", f"Name one task with --tasks, or a folder with {', '.join(tasks)} in it."
        )
    if not data.exists():
        raise DataError(f"{data} does not exist.", f"Name the published files of {task} with --data.")
    return data


def _write(folder: Path, sets: Sets) -> Iterator[tuple[str, bytes]]:
    """One file a split, and the dataset card that maps them."""
    folder.mkdir(parents=True)
    configs = []
    for part, splits in sets.items():
        files = []
        for split, rows in splits.items():
            place = f"{part}/{split}.jsonl"
            text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
            (folder / part).mkdir(exist_ok=True)
            (folder / place).write_bytes(text)
            files.append({"split": split, "path": place})
            yield place, text
        configs.append({"config_name": part, "data_files": files})
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': configs})}---\n", encoding="utf-8")


def _gsm8k(place: Path) -> Sets:
    """test.jsonl, and train.jsonl beside it: its rows are the examples in every prompt."""
    folder = place.parent if place.is_file() else place
    test = place if place.is_file() else folder / "test.jsonl"
    train = _there(folder / "train.jsonl", "gsm8k shows five examples of it in every prompt")
    return {"main": {"train": _texts(train, "question", "answer"), "test": _texts(test, "question", "answer")}}


def _humaneval(place: Path) -> Sets:
    """HumanEval.jsonl, plain or as .gz."""
    names = ("task_id", "prompt", "canonical_solution", "test", "entry_point")
    return {"openai_humaneval": {"test": _texts(_only(place, "HumanEval.jsonl*"), *names)}}


def _triviaqa(place: Path) -> Sets:
    """A published *-dev.json (its list `Data`), or JSON lines as the hub has them."""
    file = _only(place, "*-dev.json", "*.jsonl*")
    if ".jsonl" in file.name:
        found = [line.fields for line in read_lines(file)]
    else:
        found = [_from_published(row) for row in _data_of(file)]
    questions = [_question(file, number, row) for number, row in enumerate(found, start=1)]
    return {"rc.nocontext": {"train": NOT_SHOWN, "validation": questions}}


def _question(file: Path, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    answer = row.get("answer")
    if (
        not isinstance(row.get("question"), str)
        or not isinstance(answer, dict)
        or not _are_texts(answer.get("aliases"))
    ):
        what = f"{file}: question {number} has no text or no aliases"
        raise DataError(f"{what}.", "Name a published *-dev.json, or rows of question and answer.aliases.")
    target = {"value": answer.get("value"), "aliases": answer["aliases"]}
    return {"question": row["question"], "question_id": row.get("question_id"), "answer": target}


def _from_published(row: Mapping[str, Any]) -> dict[str, Any]:
    answer: Mapping[str, Any] = row.get("Answer") or {}
    target = {"value": answer.get("Value"), "aliases": answer.get("Aliases")}
    return {"question": row.get("Question"), "question_id": row.get("QuestionId"), "answer": target}


def _data_of(file: Path) -> list[Mapping[str, Any]]:
    try:
        rows = json.loads(read_bytes(file))["Data"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} has no list Data ({error}).", "Name a published *-dev.json of TriviaQA.") from error
    return [row for row in rows if isinstance(row, Mapping)]


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) for text in value)


def _mmlu(place: Path) -> Sets:
    """The folder of dev/*_dev.csv and test/*_test.csv: question, four choices, a letter; no header."""
    folder = place / "data" if (place / "data" / "test").is_dir() else place
    tests = sorted((folder / "test").glob("*_test.csv"))
    if not tests:
        raise DataError(f"{folder} has no test/*_test.csv.", "Name MMLU's folder with test/ and dev/ in it.")
    return {subject: _subject(folder, subject) for subject in (path.name.removesuffix("_test.csv") for path in tests)}


def _subject(folder: Path, subject: str) -> Mapping[str, Rows]:
    dev = _there(folder / "dev" / f"{subject}_dev.csv", "lm-eval opens it with the test")
    files = {"dev": dev, "test": folder / "test" / f"{subject}_test.csv"}
    return {split: _choices(path, subject) for split, path in files.items()}


def _choices(path: Path, subject: str) -> Rows:
    text = io.StringIO(read_bytes(path).decode("utf-8-sig"), newline="")
    found = []
    for number, row in enumerate(csv.reader(text), start=1):
        if len(row) != 6 or row[5] not in LETTERS:
            raise DataError(
                f"{path}: row {number} is no question with four choices and one of the letters {LETTERS}.",
                "Take the published files, which have no header.",
            )
        question = {"question": row[0], "subject": subject, "choices": row[1:5], "answer": LETTERS.index(row[5])}
        found.append(question)
    return found


def _texts(file: Path, *names: str) -> Rows:
    return [{name: line.text(name) for name in names} for line in read_lines(file)]


def _only(place: Path, *patterns: str) -> Path:
    """The named file, or the only one in the folder that matches."""
    if place.is_file():
        return place
    found = sorted({path for pattern in patterns for path in place.glob(pattern)})
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "no"
        raise DataError(f"{place} has {names} {' or '.join(patterns)}.", "Name the file itself with --data.")
    return found[0]


def _there(path: Path, why: str) -> Path:
    if not path.is_file():
        raise DataError(f"{path} does not exist, and {why}.", "Put the published file there.")
    return path


DATASETS: Mapping[str, tuple[str, Callable[[Path], Sets]]] = {
    "gsm8k": ("openai/gsm8k", _gsm8k),
    "triviaqa": ("mandarjoshi/trivia_qa", _triviaqa),
    "mmlu": ("cais/mmlu", _mmlu),
    "humaneval": ("openai/openai_humaneval", _humaneval),
}
"""By our names: the dataset that lm-eval's task names, and the function that reads its published files."""
