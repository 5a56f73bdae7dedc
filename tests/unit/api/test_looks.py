"""What /ready finds when the thing that it looks at does not reply."""

import asyncio
import threading

from services.api.looks import Looks


def test_a_look_that_hangs_is_waited_for_once_and_not_for_long() -> None:
    go_on = threading.Event()
    begun: list[None] = []

    def hangs() -> str:
        begun.append(None)
        go_on.wait(60)
        return "ok"

    async def look() -> list[str]:
        looks = Looks(within_s=0.05)
        found = [await looks.at("database", hangs) for _ in range(5)]
        found.append(await looks.at("store", lambda: "ok"))  # has not to wait for the other
        go_on.set()
        looks = Looks()
        return [*found, await looks.at("database", hangs)]

    assert asyncio.run(look()) == [*["no reply within 0.05 s"] * 5, "ok", "ok"]
    assert len(begun) == 2
