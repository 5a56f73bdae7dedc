"""The search at inference as a benchmark measures it: what goes into a row; a failing engine is no response."""

import pytest

from spar.engines.base import Completion, Sampling
from spar.errors import EngineUnavailable
from spar.evaluation.search import search_of
from spar.inference import RoleModels
from spar.method.templates import builtin_templates
from spar.recipes.models import AskSettings
from spar.roles.usage import Usage
from tests.unit.evaluation.benchmarks.models import NO, YES, Refusing, Scripted

COMPACT = builtin_templates("spar")


def refiner(text: str) -> str:
    if "refine the Output" in text:
        return "[[start]] a better one [[end]]"
    return YES if "a better one" in text else NO


class Gone:
    async def sample(self, messages: object, n: int, sampling: Sampling, seed: int) -> list[Completion]:
        raise EngineUnavailable("gone")


def test_the_actor_alone_is_no_search() -> None:
    models = RoleModels(actor=Scripted(str), refiner=Scripted(str))
    assert search_of(models, AskSettings(), COMPACT, 0) is None


async def test_a_bad_response_is_replaced_by_what_the_search_finds() -> None:
    models, usage = RoleModels(actor=Scripted(lambda _: "a bad one"), refiner=Scripted(refiner)), Usage()
    search = search_of(models, AskSettings(strategy="bfs", budget=3), COMPACT, 0)
    assert search is not None
    row = await search("Be good.", usage)
    assert (row["response"], row["first"], row["search"]) == ("a better one", "a bad one", "solved")
    assert row["value"] == 1.0
    assert usage.calls >= 3  # the response, its votes, a refinement and its votes


async def test_a_good_response_stays() -> None:
    models = RoleModels(actor=Scripted(lambda _: "a better one"), refiner=Scripted(refiner))
    search = search_of(models, AskSettings(strategy="iterative"), COMPACT, 0)
    assert search is not None
    row = await search("Be good.", Usage())
    assert (row["response"], row["search"]) == ("a better one", "accepted")


async def test_an_engine_that_fails_in_the_search_is_an_error_not_a_response() -> None:
    search = search_of(
        RoleModels(actor=Scripted(lambda _: "a bad one"), refiner=Gone()), AskSettings(strategy="bfs"), COMPACT, 0
    )
    assert search is not None
    with pytest.raises(EngineUnavailable, match="gone"):
        await search("Be good.", Usage())


async def test_what_is_too_long_for_the_refiner_stays_as_it_is() -> None:
    search = search_of(
        RoleModels(actor=Scripted(lambda _: "long"), refiner=Refusing()), AskSettings(strategy="bfs"), COMPACT, 0
    )
    assert search is not None
    assert (await search("Be good.", Usage()))["response"] == "long"
