"""How late the gateway responds: the slowest of 200 concurrent requests, as a ratio to their deadline.

    python benchmarks/gateway.py [--requests 200] [--deadline 5] [--limit 1.25]

The refiner is slow, fails, hangs, or does a little of each; the actor takes no time. Gateway, client and the two
simulated servers are separate processes, so the ratio also depends on how busy this machine is. Exits with 1 if the
ratio exceeds the limit, a request gets no response, or the gateway is still working on one after the last response.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import aiohttp

from spar.testing.process import INSTANT, server_process

TOKEN = "the benchmark's token"
REFINERS: dict[str, tuple[str, ...]] = {
    "slow (50 ms a token)": ("--step-base", "0.05"),
    "always fails (500)": (*INSTANT, "--status-500", "1"),
    "hangs": (*INSTANT, "--hang", "1"),
    "hangs for 5%, fails for 5%": (*INSTANT, "--hang", "0.05", "--status-500", "0.05"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--deadline", type=float, default=5.0, help="seconds")
    parser.add_argument("--limit", type=float, default=1.25)
    args = parser.parse_args()
    good = True
    print(f"{args.requests} concurrent requests, deadline {args.deadline:g} s, load average {os.getloadavg()[0]:.1f}")
    print(f"{'refiner':<27} {'responses':>9} {'last':>6} {'median':>6}  endings   (times as multiples of the deadline)")
    for name, options in REFINERS.items():
        with served(options, args.requests) as url:
            replies, left = asyncio.run(request_all(url, args.requests, args.deadline))
        took = [seconds / args.deadline for _, seconds in replies]
        endings = Counter(reply["spar"]["ending"] for reply, _ in replies if "spar" in reply)
        counts = ", ".join(f"{count} {ending}" for ending, count in endings.most_common())
        print(f"{name:<27} {endings.total():>9} {max(took):>6.3f} {statistics.median(took):>6.3f}  {counts}")
        good = good and endings.total() == args.requests and max(took) <= args.limit and left == 0
    sys.exit(not good)


@contextmanager
def served(refiner: Sequence[str], running: int) -> Iterator[str]:
    """The URL of a gateway over an instant actor and a refiner with these options."""
    with (
        server_process(*INSTANT) as actor_url,
        server_process(*refiner) as refiner_url,
        gateway_process(actor_url, refiner_url, running) as url,
    ):
        yield url


@contextmanager
def gateway_process(actor: str, refiner: str, running: int) -> Iterator[str]:
    command = [sys.executable, "-m", "spar.cli.main", "serve", "--actor", actor, "--refiner", refiner]
    command += ["--port", "0", "--running", str(running)]
    environment = {**os.environ, "SPAR_GATEWAY_TOKEN": TOKEN}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


async def request_all(url: str, requests: int, deadline: float) -> tuple[list[tuple[dict[str, Any], float]], int]:
    """Each reply with its seconds, and how many requests the gateway was still working on after the last reply."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=60 * deadline)
    ) as session:
        await request(session, url, 0, "spar:actor", deadline)  # the first request looks up the models
        replies = await asyncio.gather(*(request(session, url, i, "spar:bfs", deadline) for i in range(requests)))
        async with session.get(f"{url}/health") as reply:
            health = await reply.json()
    return list(replies), health["running"] + health["waiting"]


async def request(
    session: aiohttp.ClientSession, url: str, number: int, model: str, deadline: float
) -> tuple[dict[str, Any], float]:
    messages = [{"role": "user", "content": f"Write text {number}."}]
    body = {"model": model, "messages": messages, "seed": number, "spar": {"deadline_s": deadline}}
    began = time.monotonic()
    async with session.post(
        f"{url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {TOKEN}"}
    ) as reply:
        return await reply.json(), time.monotonic() - began


if __name__ == "__main__":
    main()
