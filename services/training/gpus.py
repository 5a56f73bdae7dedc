"""The GPUs of one training: claimed before it starts, given back after it. Knows nothing of trainers.

By the time a training is dispatched its iteration's data is made, so the engines fall idle and let their GPUs go; until
then the training waits.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from spar.engines.gpu_claims import claim
from spar.engines.gpu_host import this_host
from spar.recipes.models import TrainingSettings


@asynccontextmanager
async def training_gpus(settings: TrainingSettings) -> AsyncIterator[tuple[str, ...]]:
    """One GPU per process of the training; none on a host that has none: then it trains on the CPU."""
    host = await asyncio.to_thread(this_host)
    if not host.uuids:
        yield ()
        return
    async with claim(settings.launch.processes, "training", host) as held:
        yield held.uuids
