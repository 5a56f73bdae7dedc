"""FollowBench: its record."""

from spar.benchmark_records import Benchmark, PublishedSource, Work

BENCHMARK = Benchmark(
    name="followbench",
    about="FollowBench: constraints of five levels, some checked by rules, others by a judge.",
    driver=f"{__name__}.driver:DRIVER",
    part="actor",
    work=Work.RESPONSES,
    settings=("max_tokens", "judge_tokens", "strategy", "budget", "judge"),
    shown=("hsr.average", "ssr.average", "csl"),
    row="group, example_id, level, response, reply",
    data="the folder of the six *_constraints.json",
    written_when_absent=True,
    revision=3,
    position=2,
    source=PublishedSource(
        base="https://raw.githubusercontent.com/YJiangcm/FollowBench/6278f4c1377b4eafab737267b8b21acd52ea0e52/data",
        licence="Apache-2.0",
        files={
            "content_constraints.json": "dedf04579bf205c1422e18ee1033d0372b02196ca4b5e921a3a65dca714e226b",
            "example_constraints.json": "205d10ecde31b974f0c1537be4952b5e075ae5ca58008dc08aef1c442c32bada",
            "format_constraints.json": "3b93ee931186edcb4e0a5f260de18cd550586c985192da39262fd023e90d8a76",
            "mixed_constraints.json": "eae529546e0ef6a4a4936b6221cd25da9debaf261272409ed1fd57e8260bf820",
            "situation_constraints.json": "cab0e31e3f8dd69ba71018dde3eb63f3336b8aea6df82c7997da6abcbc159fb4",
            "style_constraints.json": "5a9a049a24a9a53e67b4ad97f1fb7633b4629f6ce461662888804313cc90c27a",
        },
    ),
)
