"""A prompt's response as it is measured: the actor's greedy one, or that of a search at inference.

Knows no benchmark, and nothing of how a search works.
"""

from spar.evaluation.benchmarks.requests import BenchmarkRequest, Row, unless_too_long
from spar.method.records import Prompt
from spar.recipes.models import GenerationSettings
from spar.roles.actor import Actor
from spar.roles.usage import Usage


async def response_to(job: BenchmarkRequest, text: str, usage: Usage) -> Row:
    """`response`, with `failure` if it was empty or cut off; a search adds how it ended."""

    async def request() -> Row:
        if job.search is not None:
            return await job.search(text, usage)
        greedy = GenerationSettings(n=1, temperature=0.0, top_p=1.0, max_tokens=job.settings.max_tokens)
        actor = Actor(chat=job.model, settings=greedy, scope=job.scope, usage=usage)
        [response] = (await actor.respond(Prompt.of(text))).responses
        if response.failure is None:
            return {"response": response.text}
        if response.failure.permanent:
            return {"response": "", "failure": response.failure.value, "reason": response.text}
        return {"response": response.text, "failure": response.failure.value}

    return await unless_too_long(request, {"response": ""})
