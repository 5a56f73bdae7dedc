"""What a card says of how its run was made."""

from typing import Any

import pytest

from spar.export.facts import RunFacts


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({}, "SPaR, self-play with tree-search refinement"),
        (
            {"search": {"policy": "greedy"}},
            "responses judged by `verdict`, refined by `greedy`; rows chosen by `refined`",
        ),
        (
            {"selection": {"pairs": "extremes"}, "judgment": {"policy": "rubric"}},
            "responses judged by `rubric`; rows chosen by `extremes`",
        ),
    ],
)
def test_the_method_is_told_by_the_policies_that_were_at_work(recipe: dict[str, Any], told: str) -> None:
    run = RunFacts(run_id="r", status="finished", recipe=recipe, start={}, version="1")
    assert run.method.startswith(told)
