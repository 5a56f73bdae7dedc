"""Two attempts at one training on one host: the later one waits, and takes what the earlier one made."""

import asyncio
from pathlib import Path

from services.training.training import Claim, Earlier
from spar.messages.training import Trained

MADE = Earlier(
    trained=Trained(fingerprint="f", parent="p", samples=3, too_long=0, steps=2, tokens=10, loss=0.1 + 0.2),
    counts={"loss": float("inf")},
)


async def test_the_later_attempt_waits_for_the_earlier_and_finds_what_it_made(tmp_path: Path) -> None:
    order = []
    claimed = asyncio.Event()
    go_on = asyncio.Event()

    async def earlier() -> None:
        claim = Claim(tmp_path / "f")
        async with claim.held():
            claimed.set()
            await go_on.wait()
            order.append("made")
            claim.keep(MADE)

    async def later() -> Earlier | None:
        await claimed.wait()
        claim = Claim(tmp_path / "f")
        async with asyncio.timeout(30), claim.held():
            order.append("held")
            return claim.earlier()

    first, second = asyncio.create_task(earlier()), asyncio.create_task(later())
    await claimed.wait()
    await asyncio.sleep(0)
    go_on.set()
    assert await second == MADE
    await first
    assert order == ["made", "held"]


async def test_an_attempt_that_is_cancelled_while_it_waits_leaves_the_claim_alone(tmp_path: Path) -> None:
    claim = Claim(tmp_path / "f")
    async with claim.held():
        waiting = asyncio.create_task(Claim(tmp_path / "f").held().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(30), Claim(tmp_path / "f").held():
        assert claim.earlier() is None
