"""A store that lost objects the database refers to: a run recomputes them and ends with the same result."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, create_engine, select

from spar.db.tables import Event
from tests.end_to_end.simulated import facts_of, report_of, run, write_recipe

pytestmark = pytest.mark.end_to_end

PROMPTS = {"source": "world:story", "per_iteration": 20, "shard_size": 10}


def events(home: Path) -> list[dict[str, Any]]:
    engine = create_engine(f"sqlite:///{home / 'spar.db'}")
    try:
        with Session(engine) as session:
            lost = session.exec(select(Event).where(Event.name == "result_lost"))
            return [event.fields for event in lost]
    finally:
        engine.dispose()


def run_in(home: Path, recipe: Path) -> None:
    ended = run(["run", recipe, "--dir", home])
    assert ended.returncode == 0, ended.stderr


def test_results_and_models_that_are_gone_are_made_again(tmp_path: Path) -> None:
    one = write_recipe(tmp_path, prompts=PROMPTS, iterations=1)
    two = tmp_path / "two.yaml"
    two.write_text(one.read_text().replace("iterations: 1", "iterations: 2"))
    home, untouched = tmp_path / "home", tmp_path / "untouched"
    run_in(home, one)
    for lost in ("store/results", "store/models"):
        shutil.rmtree(home / lost)
    run_in(home, two)
    run_in(untouched, two)
    assert facts_of(report_of(home)) == facts_of(report_of(untouched))
    made_again = {(fields["step_kind"], fields.get("remade", 0)) for fields in events(home)}
    kinds = {kind for kind, _ in made_again}
    assert {"generation", "judgment", "refinement", "selection", "training"} <= kinds
    assert max(remade for _, remade in made_again) == 1
    assert events(untouched) == []
