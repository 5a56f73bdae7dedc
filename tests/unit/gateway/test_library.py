"""The examples of docs/gateway.md run as they stand there."""

import asyncio
import os
import re
import sys
from pathlib import Path

from spar.testing.behaviour import GOOD
from spar.testing.server import running_server
from tests.unit.gateway.running import server

PAGE = Path(__file__).parents[3] / "docs" / "gateway.md"
OVER_A_SERVER, WITHOUT_A_MODEL = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


async def run(code: str, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", code, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


async def test_the_search_over_a_server() -> None:
    async with running_server(server()) as url:
        first, text = (await run(OVER_A_SERVER, REFINER=url)).splitlines()
    assert re.fullmatch(r"solved with \d+ refinements", first)
    assert GOOD in text


async def test_the_search_without_a_model() -> None:
    assert await run(WITHOUT_A_MODEL) == "aaaaaa\n"
