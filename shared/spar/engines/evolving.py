"""What a teacher can do for prompt evolution, over any `ChatModel`: evolve a seed prompt, check an evolved one.

As `spar.engines.skills` for the actor and the refiner: the place where forms, sampling, parsing and seeds meet.
"""

from spar.engines.base import ChatModel, Completion
from spar.engines.skills import SeedScope, Usage, sampling_of
from spar.errors import DataError
from spar.evolution.forms import FormSet
from spar.evolution.records import Check, Checked, Evolution, EvolutionOutcome
from spar.evolution.replies import EvolveReply, parse_check, parse_evolution
from spar.evolution.taxonomy import Taxonomy
from spar.method.records import Message, Prompt, ReplyFailure
from spar.recipes.models import SamplingSettings

EVOLVE = "evolve_prompt"
"""Seed step of a seed prompt's evolution; the path is the attempt."""
CHECK = "check_prompt"
"""Seed step of the check of an evolved prompt; the path is the attempt."""

SETTLED = (EvolutionOutcome.EVOLVED, EvolutionOutcome.DECLINED)
"""What is not asked again: a text, and the teacher's own None."""


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
    """Ask until a reply is a prompt or a None, 1 + `retries` times at most; the last reply is the one that is told."""
    main = taxonomy.draw_main(seed, prompt)
    messages = forms.evolve_messages(prompt.text, main, taxonomy)
    scope = SeedScope(seed, 0)
    found = Evolution(prompt, main.key, EvolutionOutcome.EMPTY)
    for attempt in range(1 + retries):
        try:
            completion = await _ask(chat, messages, settings, scope.derive(prompt, EVOLVE, attempt), usage)
        except DataError as error:
            return Evolution(prompt, main.key, EvolutionOutcome.UNASKABLE, reason=error.what)
        reply, broken = _storable(completion.text)
        read = parse_evolution(reply, completion.finish_reason, prompt.text, main.key, taxonomy)
        if broken and read.outcome is EvolutionOutcome.EVOLVED:
            read = EvolveReply(EvolutionOutcome.UNPARSABLE)
        found = Evolution(prompt, main.key, read.outcome, read.text, read.added, reply)
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
) -> Checked:
    """Ask until a check can be read. What has ended before is passed on as it is."""
    if evolution.outcome is not EvolutionOutcome.EVOLVED:
        return Checked(evolution, evolution.outcome)
    messages = forms.validate_messages(evolution.text, taxonomy.group(evolution.main))
    scope = SeedScope(seed, 0)
    check = Check("", failure=ReplyFailure.EMPTY)
    for attempt in range(1 + retries):
        try:
            completion = await _ask(chat, messages, settings, scope.derive(evolution.prompt, CHECK, attempt), usage)
        except DataError as error:
            return Checked(evolution, EvolutionOutcome.UNASKABLE, reason=error.what)
        check = parse_check(_storable(completion.text)[0], completion.finish_reason)
        if check.failure is None:
            break
        usage.failures[f"check_{check.failure.value}"] += 1
    return Checked(evolution, check.outcome, check)


async def _ask(
    chat: ChatModel, messages: tuple[Message, ...], settings: SamplingSettings, seed: int, usage: Usage
) -> Completion:
    usage.calls += 1
    completions = await chat.sample(messages, 1, sampling_of(settings), seed)
    usage.count(completions)
    return completions[0]


def _storable(text: str) -> tuple[str, bool]:
    """The text as a file can hold it, and whether it was not: NUL, or half a surrogate pair from broken JSON."""
    clean = text.replace("\x00", "?").encode("utf-8", "replace").decode("utf-8")
    return clean, clean != text
