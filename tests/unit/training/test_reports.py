"""An error of ours keeps its type on its way from a trainer's child to its parent."""

import pytest

from spar.errors import DataError, ModelUnusable, SparError, TemplateRefused, TrainingError
from spar.training.reports import Failed


@pytest.mark.parametrize("kind", [DataError, TemplateRefused, ModelUnusable, TrainingError])
def test_the_type_survives(kind: type[SparError]) -> None:
    error = Failed.by(kind("What happened.", "What to do.")).as_error()
    assert (type(error), error.what, error.fix) == (kind, "What happened.", "What to do.")
