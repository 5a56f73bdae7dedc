"""IFEval: its record."""

from spar.benchmark_records import Benchmark, PublishedSource, Work

BENCHMARK = Benchmark(
    name="ifeval",
    about="IFEval: does the actor follow instructions that a program can check.",
    driver=f"{__name__}.driver:DRIVER",
    part="actor",
    work=Work.RESPONSES,
    settings=("max_tokens", "judge_tokens", "strategy", "budget"),
    shown=("average", "prompt_strict", "inst_strict", "prompt_loose", "inst_loose"),
    row="key, response",
    data="input_data.jsonl or its folder",
    written_when_absent=True,
    position=1,
    source=PublishedSource(
        base="https://raw.githubusercontent.com/josejg/instruction_following_eval/0c495b2f95155e8b10acb919ae283bfb4d5be6e2/instruction_following_eval/data",
        licence="Apache-2.0",
        files={"input_data.jsonl": "67ffeee0fcb87c317c5b08a2de85557b4a7e96ada6178aa645b4954fe4b53d49"},
    ),
)
