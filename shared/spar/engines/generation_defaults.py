"""Sampling defaults of a model's own generation_config.json, which no engine uses: only a recipe's settings count, or
two engines would sample the same model differently. Warns of them; loads no library.
"""

import json
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()

FILE = "generation_config.json"
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "top_k": (0, -1),
    "min_p": (0,),
    "typical_p": (1,),
    "top_h": (),
    "epsilon_cutoff": (0,),
    "eta_cutoff": (0,),
    "repetition_penalty": (1,),
    "encoder_repetition_penalty": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "no_repeat_ngram_size": (0,),
    "num_beams": (1,),
    "penalty_alpha": (0,),
    "guidance_scale": (1,),
    "min_length": (0,),
    "min_new_tokens": (0,),
    "bad_words_ids": ([],),
    "sequence_bias": ([], {}),
    "suppress_tokens": ([],),
    "begin_suppress_tokens": ([],),
    "exponential_decay_length_penalty": (),
}
"""Settings that a recipe has no key for, with the values that change nothing. It has keys for the other ones."""


def warn_of_unused_defaults(folder: Path) -> None:
    """Once per process for the same defaults: the models that a run trains inherit those of their base."""
    unused = unused_defaults(folder)
    if unused:
        _warn(json.dumps(unused, sort_keys=True), folder)


def unused_defaults(folder: Path) -> dict[str, Any]:
    """The defaults that would change replies; none if the file is missing or unreadable, which loading reports."""
    try:
        named = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(named, dict):
        return {}
    return {key: named[key] for key, neutral in _NEUTRAL.items() if named.get(key) not in (None, *neutral)}


_warned: set[str] = set()


def _warn(defaults: str, folder: Path) -> None:
    if defaults not in _warned:
        _warned.add(defaults)
        log.warning(
            "sampling_defaults_not_used",
            file=str(folder / FILE),
            defaults=defaults,
            because="replies are sampled by the recipe's settings alone",
        )
