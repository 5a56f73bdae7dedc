"""micro_batch_size and launch.processes are settings of memory: the gradient of an optimizer step is the same."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from spar.testing.tiny_model import make_tiny_model

pytestmark = pytest.mark.torch
LENGTHS = {"whole": (2, 2, 2, 40), "rest": (2, 2, 40)}
"""Words of the chosen responses: a mean over a micro-batch's tokens is far from one over responses."""
MODULE = "tests.unit.training.gradients"
SETS = [f"{method}-{name}" for method in ("dpo", "sft") for name in LENGTHS]
ALONE = [sys.executable, "-m", MODULE]
BY_TWO = [
    sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1",
    "--main_process_port=0", "--mixed_precision=no", "--num_cpu_threads_per_process=1", "--module", MODULE,
]  # fmt: skip


def words(count: int, first: int) -> str:
    return " ".join(f"w{(first + place) % 64}" for place in range(count))


def write_rows(path: Path, method: str, lengths: Sequence[int]) -> None:
    chosen = [words(length, 7 * number) for number, length in enumerate(lengths)]
    if method == "dpo":
        made: list[dict[str, Any]] = [
            {"prompt": {"id": str(n), "text": f"w{n}"}, "chosen": text, "rejected": "w9 w8"}
            for n, text in enumerate(chosen)
        ]
    else:
        turns = [[{"role": "user", "content": "w1"}, {"role": "assistant", "content": text}] for text in chosen]
        made = [{"prompt_id": str(n), "kind": "refinement", "messages": each} for n, each in enumerate(turns)]
    path.write_text("".join(json.dumps(row) + "\n" for row in made))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All gradients, in two starts of the trainer: loading it takes longer than they do."""
    folder = tmp_path_factory.mktemp("gradients")
    base = make_tiny_model(folder / "base", hidden=64)
    for each in SETS:
        method, name = each.split("-")
        write_rows(folder / f"{each}.jsonl", method, LENGTHS[name])
    offline = {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"}
    alone = [f"{each}-{micro_batch}" for each in SETS for micro_batch in (1, 2, 4)]
    by_two = [f"{each}-{micro_batch}" for each in SETS for micro_batch in (1, 2)]  # 2 x 2 is the batch of four
    for command, processes, cuts in ((ALONE, "1", alone), (BY_TWO, "2", by_two)):
        call = [*command, str(base), str(folder), processes, *cuts]
        ended = subprocess.run(call, env={**os.environ, **offline}, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr[-2000:]
    return folder


def gradient(path: Path) -> Any:
    import torch
    from safetensors.torch import load_file

    return torch.cat([tensor.flatten() for _, tensor in sorted(load_file(path).items())])


@pytest.mark.parametrize("rows", SETS)
def test_one_step_is_the_same_however_the_batch_is_cut(folder: Path, rows: str) -> None:
    expected = gradient(folder / f"{rows}-4-1.safetensors")
    assert expected.norm() > 0.01
    others = sorted(folder.glob(f"{rows}-?-?.safetensors"))
    assert len(others) == 5
    for other in others:
        assert float((gradient(other) - expected).norm() / expected.norm()) < 1e-5, other.name
