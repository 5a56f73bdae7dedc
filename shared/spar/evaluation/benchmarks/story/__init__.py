"""The story world as a benchmark: its record."""

from spar.benchmark_records import Benchmark, Work

BENCHMARK = Benchmark(
    name="story",
    about="The story world: an actor's responses, and a refiner's judgments and refinements, checked by its rules.",
    driver=f"{__name__}.driver:DRIVER",
    part="actor",
    work=Work.SUITE,
    row="measure, prompt, reply, given",
    data="world:story",
    needs_data=False,
    in_recipes=False,
    position=5,
)
