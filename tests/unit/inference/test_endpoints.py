from pathlib import Path

import pytest

from spar.engines.base import Sampling
from spar.errors import EngineError, EngineUnavailable, ModelUnusable
from spar.inference.endpoints import OpenEndpoints, RequestOptions, endpoint, templates_for
from spar.method.records import Message
from spar.testing.failures import ServerFailures
from spar.testing.server import ServerOptions, running_server

ASKED = [Message("user", "Write.")]
SAMPLING = Sampling(temperature=0.0, top_p=1.0, max_tokens=32)


def test_a_place_is_a_url_with_a_name_or_a_model_here(tmp_path: Path) -> None:
    served = endpoint(
        "actor", "http://localhost:8000/v1#llama", RequestOptions(window=7, deadline_s=3, send_seed=False)
    )
    assert (served.settings.kind, served.settings.url, served.model.name) == (
        "openai",
        "http://localhost:8000/v1",
        "llama",
    )
    assert (served.settings.max_batch, served.settings.deadline_s, served.settings.send_seed) == (7, 3, False)
    assert endpoint("actor", "http://localhost:8000").model.name is None
    builtin = endpoint("refiner", "builtin:story/refiner")
    assert builtin.settings.kind == "transformers"
    assert builtin.model.path is not None
    same = endpoint("refiner", str(builtin.model.path))
    assert same.model.fingerprint == builtin.model.fingerprint
    with pytest.raises(ModelUnusable, match=r"--actor is '.*nothing'.*builtin:story/actor"):
        endpoint("actor", str(tmp_path / "nothing"))


def test_the_forms_are_those_that_the_refiner_knows() -> None:
    assert templates_for(None, "builtin:story/refiner").name == "compact"
    assert templates_for(None, "http://localhost:8000").name == "spar"
    assert templates_for("compact", "http://localhost:8000").name == "compact"


async def test_each_server_gets_its_own_key_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAR_ENGINE_API_KEY", "common")
    monkeypatch.setenv("SPAR_REFINER_API_KEY", "own")
    wants_common, wants_own = (ServerOptions(failures=ServerFailures(api_key=key)) for key in ("common", "own"))
    async with running_server(wants_common) as actor, running_server(wants_own) as refiner:
        async with OpenEndpoints([endpoint("actor", actor), endpoint("refiner", refiner)]) as servers:
            for model in servers.models.values():
                assert await model.sample(ASKED, 1, SAMPLING, 0)
        async with OpenEndpoints([endpoint("actor", refiner)]) as servers:
            with pytest.raises(EngineError, match="401"):
                await servers.models["actor"].sample(ASKED, 1, SAMPLING, 0)


async def test_a_server_that_was_away_is_found_by_a_later_call() -> None:
    async with running_server() as url:
        port = int(url.rpartition(":")[2].removesuffix("/v1"))
    async with OpenEndpoints([endpoint("actor", url)]) as servers:
        model = servers.models["actor"]
        with pytest.raises(EngineUnavailable):
            await model.sample(ASKED, 1, SAMPLING, 0)
        async with running_server(port=port):
            assert await model.sample(ASKED, 1, SAMPLING, 0)


@pytest.mark.torch
async def test_models_of_this_process_share_an_engine() -> None:
    places = [endpoint("actor", "builtin:story/actor"), endpoint("refiner", "builtin:story/refiner")]
    async with OpenEndpoints(places) as servers:
        engines = {model.engine for model in servers.models.values()}
    assert len(engines) == 1
