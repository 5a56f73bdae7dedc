"""`spar dead` against an API in a separate process; the test itself plays the worker."""

import json
from pathlib import Path

import pytest

from spar.db.engine import COORDINATOR, only_one
from tests.unit.api.conftest import RECIPE
from tests.unit.api.server import serving, spar
from tests.unit.coordinator.stage import Stage

pytestmark = pytest.mark.end_to_end


def test_they_are_listed_shown_dropped_and_tried_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    with only_one(stage.database, COORDINATOR), serving(tmp_path) as api:

        def shell(*arguments: str) -> str:
            done = spar(tmp_path, api, *arguments)
            assert done.returncode == 0, done.stderr
            return done.stdout

        run = shell("submit", "recipe.yaml", "--set", "failures.dead_shards=1").strip()
        stage.coordinator.tick()
        message = stage.take()
        stage.fail(message, reason="DataError", retry=False)

        [letter] = json.loads(shell("dead", "list", run, "--json"))
        step = str(letter["step"])
        assert letter["step"] == message["step_id"]
        assert "DataError: why" in shell("dead", "show", step, run)
        refused = spar(tmp_path, api, "dead", "drop", run, "--step", "999999")
        assert refused.returncode == 2
        assert "has no dead letter 999999" in refused.stderr

        assert "1 dropped" in shell("dead", "drop", run, "--step", step)
        stage.coordinator.tick()
        assert json.loads(shell("dead", "list", run, "--json"))[0]["dropped"]
        assert "no step to retry" in shell("dead", "retry", run)

        assert "1 to be retried" in shell("dead", "retry", run, "--step", step)
        stage.coordinator.tick()
        assert json.loads(shell("dead", "list", run, "--json")) == []
    stage.database.dispose()
