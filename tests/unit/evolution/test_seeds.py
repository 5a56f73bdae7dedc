"""Seed prompts are held to what an import holds rows to; what a row has beyond its seed prompt is counted."""

from pathlib import Path

import pytest

from spar.cli.evolve_report import print_evolution
from spar.data.layouts import LeftOut, PromptRules
from spar.data.sources import Options
from spar.data.text_rows import TextRules
from spar.errors import DataError, EngineError, SparError
from spar.evolution.evolve import Done
from spar.evolution.manifest import EvolutionManifest, EvolutionUsage
from spar.evolution.records import EvolutionOutcome
from spar.evolution.seeds import Ended, Seed, read_seeds
from tests.unit.data.files import write_lines

TURNS = [{"role": role, "content": f"{role} {i}"} for i in range(2) for role in ("user", "assistant")]


def test_rows_of_more_than_text_are_no_seed_prompts(tmp_path: Path) -> None:
    rows = [{"messages": TURNS}, {"prompt": "a", "images": ["a.png"]}, {"prompt": "b", "tools": [{"name": "x"}]}]
    source = write_lines(tmp_path / "a.jsonl", rows)
    first, *others = read_seeds([source], Options(), PromptRules())
    assert isinstance(first, Seed)
    assert (first.prompt.text, first.left_out) == ("user 0", (LeftOut.LATER_TURNS,))
    assert [isinstance(other, Ended) for other in others] == [True, True]
    ignoring = list(read_seeds([source], Options(), PromptRules(text=TextRules(tools="ignore"))))
    assert [seed.left_out for seed in ignoring if isinstance(seed, Seed)] == [(LeftOut.LATER_TURNS,), (LeftOut.TOOLS,)]


@pytest.mark.parametrize(
    ("ended", "error", "told"),
    [
        ({EvolutionOutcome.UNREADABLE: 3, EvolutionOutcome.DECLINED: 1}, DataError, "3 unreadable, 1 declined"),
        ({EvolutionOutcome.ENGINE_FAILED: 3}, EngineError, "3 engine_failed"),
        ({}, DataError, "the sources have no rows"),
    ],
)
def test_an_evolution_without_a_prompt_is_an_error(
    ended: dict[EvolutionOutcome, int], error: type[SparError], told: str
) -> None:
    manifest = EvolutionManifest(
        settings={},
        sources=[],
        rows=sum(ended.values()),
        outcomes={outcome.value: ended.get(outcome, 0) for outcome in EvolutionOutcome},
        taken=EvolutionUsage(calls=0, prompt_tokens=0, completion_tokens=0, money=None, failed_replies={}),
        statistics={"words": None},
        files={},
    )
    with pytest.raises(error, match=told):
        print_evolution(Done(manifest), Path("out"))
