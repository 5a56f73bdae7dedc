"""Rows of the tiny models' words, for trainings in tests."""

import json
import random
from pathlib import Path


def write_pairs(path: Path, count: int) -> Path:
    draw = random.Random(0)

    def text() -> str:
        return " ".join(f"w{draw.randrange(64)}" for _ in range(draw.randrange(2, 9)))

    rows = [{"prompt": {"id": str(n), "text": text()}, "chosen": text(), "rejected": text()} for n in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_various_examples(path: Path, count: int) -> Path:
    """Examples that contradict each other: no model learns them in a step."""
    write_pairs(path, count)
    pairs = [json.loads(line) for line in path.read_text().splitlines()]
    turns = [
        [{"role": "user", "content": pair["prompt"]["text"]}, {"role": "assistant", "content": pair["chosen"]}]
        for pair in pairs
    ]
    rows = [{"prompt_id": str(n), "kind": "refinement", "messages": each} for n, each in enumerate(turns)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_examples(path: Path, count: int) -> Path:
    turns = [{"role": "user", "content": "w1 w2"}, {"role": "assistant", "content": "w3 w4 w5"}]
    row = json.dumps({"prompt_id": "p", "kind": "refinement", "messages": turns})
    path.write_text((row + "\n") * count)
    return path
