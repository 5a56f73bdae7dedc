"""The formats of responses to IFEval's prompts: our own and those of common tools.

    {key, response}                            ours
    {prompt, response}                         IFEval's own script, which matches by prompt
    {doc: {key, prompt}, resps, filtered_resps}   lm-eval's samples files

Knows nothing of checking.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spar.evaluation.benchmarks.rows import NumberedRow, whole_number

Keys = Mapping[str, Sequence[int]]
"""The items that have a prompt: one each, unless a data file repeats prompts."""


def keys_by_prompt(prompts: Iterable[tuple[str, int]]) -> Keys:
    found: dict[str, list[int]] = defaultdict(list)
    for prompt, key in prompts:
        found[prompt].append(key)
    return found


def key_of(line: NumberedRow, by_prompt: Keys) -> int:
    """The item's key, by the row's key or else by its prompt, if only one item has it. Raises DataError."""
    doc = line.fields.get("doc")
    named: Mapping[str, Any] = doc if isinstance(doc, dict) else line.fields
    if named.get("key") is not None:
        key = whole_number(named["key"])
        return line.whole("key") if key is None else key
    prompt = named.get("prompt")
    if not isinstance(prompt, str):
        raise line.refuse(
            "rows are {key, response}, {prompt, response} or lm-eval's samples; this one has "
            + (", ".join(sorted(line.fields)) or "nothing")
        )
    keys = by_prompt.get(prompt, ())
    if len(keys) != 1:
        known = (
            f"{len(keys)} items have its prompt: name the key" if keys else "the benchmark has no item of its prompt"
        )
        raise line.refuse(known)
    return keys[0]


def response_of(line: NumberedRow) -> str:
    """The row's response; of lm-eval's rows, the output of its filters. Raises DataError."""
    if "response" in line.fields:
        return line.text("response")
    for name in ("filtered_resps", "resps"):
        if name in line.fields:
            texts = _flat(line.fields[name])
            if len(texts) != 1 or not isinstance(texts[0], str):
                raise line.refuse(f"'{name}' holds {len(texts)} responses, not one text")
            return texts[0]
    return line.text("response")


def _flat(value: Any) -> list[Any]:
    return [inner for each in value for inner in _flat(each)] if isinstance(value, list) else [value]
