"""The teacher's role in prompt evolution, over any `ChatModel`: evolve a seed prompt, check an evolved one.

Like `spar.roles.refiner`, it combines forms, sampling, parsing and seeds.
"""

from spar.engines.base import ChatModel
from spar.engines.drawing import FailedReply, Reply, draw
from spar.evolution.forms import FormSet
from spar.evolution.records import CheckedEvolution, Evolution, EvolutionCheck, EvolutionOutcome
from spar.evolution.replies import EvolveReply, parse_check, parse_evolution
from spar.evolution.taxonomy import Taxonomy
from spar.method.records import Message, Prompt, ReplyFailure
from spar.recipes.models import SamplingSettings
from spar.roles.usage import SeedScope, Usage, sampling_of

EVOLVE = "evolve_prompt"
"""Seed step of a seed prompt's evolution; the path is the attempt."""
CHECK = "check_prompt"
"""Seed step of the check of an evolved prompt; the path is the attempt."""

SETTLED = (EvolutionOutcome.EVOLVED, EvolutionOutcome.DECLINED)
"""Outcomes that are not retried: a text, and the teacher's None."""


async def evolve(  # noqa: PLR0913 - what an evolution depends on, each passed plainly
    chat: ChatModel,
    prompt: Prompt,
    taxonomy: Taxonomy,
    forms: FormSet,
    settings: SamplingSettings,
    retries: int,
    seed: int,
    usage: Usage,
) -> Evolution:
    """Request replies until one is a prompt or a None, at most 1 + `retries` times; returns the last one."""
    main = taxonomy.draw_main(seed, prompt)
    messages = forms.evolve_messages(prompt.text, main, taxonomy)
    scope = SeedScope(seed=seed, iteration=0)
    found = Evolution(prompt=prompt, main=main.key, outcome=EvolutionOutcome.EMPTY)
    for attempt in range(1 + retries):
        reply = await _request(chat, messages, settings, scope.derive(prompt, EVOLVE, attempt), usage)
        if isinstance(reply, FailedReply):
            if reply.failure.permanent:
                return Evolution(prompt=prompt, main=main.key, outcome=EvolutionOutcome.UNASKABLE, reason=reply.text)
            read = EvolveReply(EvolutionOutcome.UNPARSABLE)
        else:
            read = parse_evolution(reply.text, reply.finish_reason, prompt.text, main.key, taxonomy)
        found = Evolution(
            prompt=prompt, main=main.key, outcome=read.outcome, text=read.text, added=read.added, reply=reply.text
        )
        if read.outcome in SETTLED:
            break
        usage.failures[f"evolve_{read.outcome.value}"] += 1
    return found


async def validate(  # noqa: PLR0913 - what a check depends on, each passed plainly
    chat: ChatModel,
    evolution: Evolution,
    taxonomy: Taxonomy,
    forms: FormSet,
    settings: SamplingSettings,
    retries: int,
    seed: int,
    usage: Usage,
) -> CheckedEvolution:
    """Request replies until a check is readable. An evolution that has already ended is returned unchanged."""
    if evolution.outcome is not EvolutionOutcome.EVOLVED:
        return CheckedEvolution(evolution, evolution.outcome)
    messages = forms.validate_messages(evolution.text, taxonomy.group(evolution.main))
    scope = SeedScope(seed=seed, iteration=0)
    check = EvolutionCheck(reply="", failure=ReplyFailure.EMPTY)
    for attempt in range(1 + retries):
        reply = await _request(chat, messages, settings, scope.derive(evolution.prompt, CHECK, attempt), usage)
        if isinstance(reply, FailedReply):
            if reply.failure.permanent:
                return CheckedEvolution(evolution, EvolutionOutcome.UNASKABLE, reason=reply.text)
            check = EvolutionCheck(reply=reply.text, failure=reply.failure)
        else:
            check = parse_check(reply.text, reply.finish_reason)
        if check.failure is None:
            break
        usage.failures[f"check_{check.failure.value}"] += 1
    return CheckedEvolution(evolution, check.outcome, check)


async def _request(
    chat: ChatModel, messages: tuple[Message, ...], settings: SamplingSettings, seed: int, usage: Usage
) -> Reply:
    usage.calls += 1
    [reply] = await draw(chat, messages, 1, sampling_of(settings), seed)
    usage.count([reply])
    return reply
