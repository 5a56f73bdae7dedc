"""`spar refine` keeps a server full, on the loop's own clock: real sockets, and no machine is too slow for it."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp

from spar.cli.refine import RefineOptions
from spar.engines.registry import make_engine
from spar.inference.batch.run import search_file
from spar.testing.clock import PATIENCE_S, run_virtually
from spar.testing.server import ServerOptions, running_server
from tests.end_to_end.test_refine import negatives

ROWS = 200


def test_the_server_is_kept_full(tmp_path: Path) -> None:
    """At most 1.25 times what the same tokens need on a server that is always full."""

    async def whole() -> tuple[float, dict[str, Any]]:
        async with running_server(ServerOptions()) as url:
            job = RefineOptions(negatives(tmp_path / "in.jsonl", ROWS), url, tmp_path / "out.jsonl").job()
            clock = asyncio.get_running_loop().time
            begun = clock()
            summary = await search_file(job, make_engine(job.engine), lambda _: None)
            took = clock() - begun
            assert summary.rows == ROWS
            async with aiohttp.ClientSession() as session, session.get(f"{url.removesuffix('/v1')}/stats") as reply:
                return took, await reply.json()

    (took, stats), _ = run_virtually(whole(), PATIENCE_S)
    assert took <= 1.25 * stats["always_full_s"], (took, stats)
