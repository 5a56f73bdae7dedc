"""Where the benchmarks' data lie: beside the checkout, as they came."""

from pathlib import Path

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"
IFEVAL = DATA / "ifeval" / "input_data.jsonl"
LLMBAR = DATA / "llmbar"
FOLLOWBENCH = DATA / "followbench"
