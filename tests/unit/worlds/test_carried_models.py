"""The carried models are the ones that published figures were measured with: changing a file of them must be meant."""

import pytest

from spar.store.models import folder_fingerprint
from spar.worlds.story.builtin import builtin_model

FINGERPRINTS = {
    "story/backbone": "929a9ccb689e891c4a3f430e3e7315c7ab2ca339a5f6cecda86def36bc68e71a",
    "story/actor": "0158702a26f0bd8b7b69b50261afb2ea3957e6500e5b8444bd25ad69a8857860",
    "story/refiner": "51838f9e74547fdb64232b3eb9b013cb6e239fbba30b732c2476199c213d5c39",
    "story/one": "b1060f9ea4b7f390620d3ab5c55b4d1dfb5ff33a909407b3e2d295d19bcecb35",
}


@pytest.mark.parametrize(("name", "fingerprint"), FINGERPRINTS.items())
def test_a_carried_model_is_the_one_that_was_measured(name: str, fingerprint: str) -> None:
    assert folder_fingerprint(builtin_model(name)) == fingerprint
