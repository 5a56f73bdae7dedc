"""Refinement of given negatives: its record."""

from spar.benchmark_records import Benchmark, Work

BENCHMARK = Benchmark(
    name="refinement",
    about="Are the refiner's refinements of given negatives good.",
    driver=f"{__name__}.driver:DRIVER",
    part="refiner",
    work=Work.REFINEMENTS,
    settings=("max_tokens", "judge_tokens", "votes", "judge", "strategy", "budget"),
    later_settings=("strategy", "budget"),
    shown=("acc_rules", "acc_judge", "acc_last_refiner", "acc_self"),
    row="item, refined, self, judge",
    data="rows of {prompt, response}, or world:story",
    needs_data=False,
    written_when_absent=True,
    position=4,
)
