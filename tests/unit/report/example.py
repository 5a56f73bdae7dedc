"""A report to show and to test with: the shape of a finished story run, with made-up numbers."""

import random

from spar.evaluation.statistics import Proportion, paired_difference
from spar.method.records import Outcome
from spar.report.model import (
    ActorMeasures,
    Change,
    ExampleNode,
    ExampleTree,
    IterationReport,
    ModelFacts,
    RefinerDataReport,
    RefinerMeasures,
    RunReport,
    Totals,
    TrainingFacts,
)
from spar.report.words import word_changes

RATES = [
    (0.543, 0.447, 0.974, 0.704),
    (0.781, 0.620, 0.978, 0.751),
    (0.868, 0.752, 0.975, 0.803),
    (0.879, 0.812, 0.972, 0.829),
]
OUTCOMES = [
    {"pair": 251, "all_good": 22, "unsolved": 19, "tied": 3, "unparsable": 2, "duplicate": 2, "too_long": 1},
    {"pair": 203, "all_good": 71, "unsolved": 24, "tied": 2},
    {"pair": 163, "all_good": 108, "unsolved": 27, "tied": 1, "unparsable": 1},
]
SIZES = [
    {"2": 88, "3": 41, "4": 92, "6": 17, "8": 12, "10": 9, "13": 5, "16": 11},
    {"2": 80, "3": 33, "4": 70, "7": 14, "10": 16, "16": 16},
    {"2": 61, "3": 29, "4": 58, "6": 12, "10": 14, "16": 18},
]


def outcomes_of(**counts: int) -> dict[str, int]:
    return {outcome.value: counts.get(outcome.value, 0) for outcome in Outcome}


def answers(rate: float, total: int, seed: int) -> list[bool]:
    draw = random.Random(seed)
    return [draw.random() < rate for _ in range(total)]


def measured(values: list[bool]) -> tuple[float, tuple[float, float]]:
    proportion = Proportion.of(values)
    return proportion.rate, proportion.interval


def iteration(index: int) -> IterationReport:
    rates = RATES[index]
    greedy, greedy_range = measured(answers(rates[0], 2000, 1))
    sampled, sampled_range = measured(answers(rates[1], 2000, 2))
    judge, judge_range = measured(answers(rates[2], 2000, 3))
    refine, refine_range = measured(answers(rates[3], 1000, 4))
    entry = IterationReport(
        iteration=index,
        actor=ActorMeasures(
            accuracy=greedy,
            accuracy_interval=greedy_range,
            accuracy_sampled=sampled,
            accuracy_sampled_interval=sampled_range,
            prompts=2000,
        ),
        refiner=RefinerMeasures(
            judge_accuracy=judge,
            judge_accuracy_interval=judge_range,
            judge_items=2000,
            judge_failures=3,
            refine_accuracy=refine,
            refine_accuracy_interval=refine_range,
            refine_items=1000,
        ),
        seconds={"evaluation": 15.2},
        tokens={"evaluation": 512_000},
        calls={"evaluation": 8000},
    )
    return entry if index == 0 else entry.model_copy(update=loop_facts(index))


def loop_facts(index: int) -> dict[str, object]:
    outcomes = outcomes_of(**OUTCOMES[index - 1])
    sizes = SIZES[index - 1]
    precision, precision_range = measured(answers(0.985, outcomes["pair"], 6))
    return {
        "prompts": 300,
        "outcomes": outcomes,
        "pairs": outcomes["pair"],
        "pair_precision": precision,
        "pair_precision_interval": precision_range,
        "trees": sum(sizes.values()),
        "solved": outcomes["pair"] + outcomes["duplicate"] + outcomes["too_long"],
        "tree_sizes": sizes,
        "refiner_data": RefinerDataReport(
            candidates={
                "refinement": 512,
                "tree_yes": 210,
                "tree_no": 190,
                "response_no": 640,
                "response_yes": 720,
            },
            kept={
                "refinement": 512,
                "tree_yes": 180,
                "tree_no": 180,
                "response_no": 500,
                "response_yes": 500,
            },
            dropped={"over_cap": 360, "balanced": 40, "duplicate": 0},
        ),
        "training": {
            "actor": TrainingFacts(
                samples=outcomes["pair"], too_long=1, steps=8, tokens=21_400, loss=0.7012, seconds=4.6
            ),
            "refiner": TrainingFacts(samples=1872, too_long=0, steps=30, tokens=161_000, loss=0.0831, seconds=7.9),
        },
        "seconds": {
            "generation": 1.6,
            "judgment": 11.9,
            "refinement": 8.4,
            "selection": 0.6,
            "training": 12.5,
            "evaluation": 15.0,
        },
        "tokens": {
            "generation": 31_000,
            "judgment": 402_000,
            "refinement": 268_000,
            "training": 182_400,
            "evaluation": 515_000,
        },
        "calls": {"generation": 300, "judgment": 1500, "refinement": 3100, "evaluation": 8000},
        "reused": {"generation": 19, "judgment": 19} if index == 1 else {},
        "wall_seconds": 41.2,
    }


def changes() -> list[Change]:
    found = []
    for name, column, total in (
        ("actor.accuracy", 0, 2000),
        ("actor.accuracy_sampled", 1, 2000),
        ("refiner.judge_accuracy", 2, 2000),
        ("refiner.refine_accuracy", 3, 1000),
    ):
        lists = [answers(rates[column], total, column + 1) for rates in RATES]
        for before, after in sorted({(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)}):
            d = paired_difference(lists[before], lists[after])
            found.append(
                Change(
                    measure=name,
                    before=before,
                    after=after,
                    points=d.estimate,
                    low=d.low,
                    high=d.high,
                    items=total,
                )
            )
    return found


def example_tree(negative: str, texts: list[tuple[tuple[int, ...], str, int]], prompt: str) -> ExampleTree:
    by_path: dict[tuple[int, ...], str] = {(): negative}
    nodes = [
        ExampleNode(
            path=(),
            text=negative,
            value=None,
            yes=1,
            no=4,
            critique="start knife : got knife yes ; words 6 : got 7 no ; Judgement : No",
        )
    ]
    for path, text, yes in texts:
        by_path[path] = text
        nodes.append(
            ExampleNode(
                path=path,
                text=text,
                value=yes / 5,
                yes=yes,
                no=5 - yes,
                critique=f"words 6 : got {len(text.split()) - 1} ; Judgement : {'Yes' if yes > 2 else 'No'}",
                words=tuple(word_changes(by_path[path[:-1]], text)),
            )
        )
    best = max(texts, key=lambda one: one[2])
    return ExampleTree(
        iteration=1,
        prompt_id="5f2a91c0b7de4431",
        prompt=prompt,
        solved=best[2] > 2,
        best=best[0],
        nodes=tuple(nodes),
        words=tuple(word_changes(negative, best[1])),
    )


def examples() -> list[ExampleTree]:
    return [
        example_tree(
            "knife moss echo honey cake lamp river !",
            [
                ((0,), "knife moss echo honey cake lamp !", 1),
                ((1,), "knife harp echo honey cake lamp river !", 2),
                ((2,), "knife moss echo honey cake !", 0),
                ((1, 0), "knife harp echo honey cake lamp !", 5),
            ],
            "start knife ; words 6 ; with harp",
        ),
        example_tree(
            "tide shell crab <b>sand</b> wave drum",
            [((0,), "tide shell crab <b>sand</b> wave", 1), ((1,), "shell crab wave tide", 2)],
            "without drum ; end tide ; <script>alert(1)</script>",
        ),
    ]


def example_report() -> RunReport:
    entries = [iteration(index) for index in range(4)]
    return RunReport(
        run="demo-7c41f0",
        recipe_name="demo",
        seed=0,
        status="finished",
        planned_iterations=3,
        iterations=entries,
        changes=changes(),
        examples=examples(),
        models=[
            ModelFacts(fingerprint="a1" * 32, role="actor", iteration=0, location="builtin:story/actor"),
            ModelFacts(fingerprint="b2" * 32, role="refiner", iteration=0, location="builtin:story/refiner"),
            ModelFacts(fingerprint="c3" * 32, role="actor", iteration=1, parent="a1" * 32, location="store"),
            ModelFacts(fingerprint="d4" * 32, role="refiner", iteration=1, parent="b2" * 32, location="store"),
        ],
        totals=Totals(
            prompts=900,
            pairs=617,
            trees=sum(sum(sizes.values()) for sizes in SIZES),
            calls=sum(sum(entry.calls.values()) for entry in entries),
            tokens=sum(sum(entry.tokens.values()) for entry in entries),
            reused=38,
            seconds=sum(sum(entry.seconds.values()) for entry in entries),
            wall_seconds=178.4,
        ),
        versions={"spar": "0.1.0", "python": "3.11.7", "torch": "2.13.0"},
        recipe={
            "name": "demo",
            "profile": "fixed",
            "seed": 0,
            "iterations": 3,
            "search": {"policy": "bfs", "branch": 3, "keep": 2, "depth": 3},
        },
    )
