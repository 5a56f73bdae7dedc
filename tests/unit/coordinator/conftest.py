from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.coordinator.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A coordinator whose counters must be right in the end."""
    stage = Stage(tmp_path)
    yield stage
    stage.check_counters()
    stage.database.dispose()
