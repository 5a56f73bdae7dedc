"""LLMBar: its record."""

from spar.benchmark_records import Benchmark, PublishedSource, Work

BENCHMARK = Benchmark(
    name="llmbar",
    about="LLMBar: does the refiner judge as human annotators do.",
    driver=f"{__name__}.driver:DRIVER",
    part="refiner",
    work=Work.JUDGMENTS,
    settings=("judge_tokens", "votes"),
    shown=("average.accuracy", "average.f1", "Natural.accuracy", "adversarial.accuracy"),
    by_policy=True,
    row="subset, index, output, reply (or replies: their majority counts)",
    data="the folder of Natural/ and Adversarial/",
    written_when_absent=True,
    position=3,
    source=PublishedSource(
        base="https://raw.githubusercontent.com/princeton-nlp/LLMBar/900616bff90b6c6c8e1681f7d079250637c55992/Dataset/LLMBar",
        licence="MIT",
        files={
            "Natural/dataset.json": "f7127b7aa78104cb8e03a2b1b3ac0077e95b125714dd441a8ee63666145a3375",
            "Adversarial/GPTInst/dataset.json": "1002425f73c2cf54b6e6de99bce3f6c60fa2a17d13194772e37d7481c1351d42",
            "Adversarial/GPTOut/dataset.json": "1ff56e520d7607750a9866a3be0f5b850392ca4477a1f69d80f32bd3e310f561",
            "Adversarial/Manual/dataset.json": "0d9598769a39cdbbd265778c37e49939d41d5f76dcfb17bd75dcfa07516d3837",
            "Adversarial/Neighbor/dataset.json": "6712c7eda6342602e0bc7c06c282fa95e2110d4e741a284026a62d937f9780a0",
        },
    ),
)
