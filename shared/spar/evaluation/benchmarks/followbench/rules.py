"""FollowBench's rules (Y. Jiang et al., ACL 2024): what a program checks instead of an LLM judge.

Each rule says whether ALL constraints up to a level hold. The published conditions are kept as they are, so that
numbers are comparable, with their oddities: sentences end at any of `.!?`; words are split at single spaces in some
tasks; the `-ly` of format 30 is searched with its hyphen. Knows nothing of files, judges or scores.
"""

import ast
import re
import string
from collections.abc import Callable, Mapping, Sequence

Rule = Callable[[str, str, int], bool]
"""(response, target, level) -> do all constraints up to that level hold?"""

Check = Callable[[str], bool]

FORMAT_RULES = (22, 30)
"""The examples of the group `format` that a program checks."""


def rule_for(group: str, example_id: int, source: str) -> Rule | None:
    """The rule of an item, or None where an LLM has to judge."""
    if group == "example":
        return _fits_template
    if group == "format" and example_id in FORMAT_RULES:
        return _table_care if example_id == 22 else _speech
    return _BY_SOURCE.get(source)


def _up_to(*checks: Check) -> Rule:
    """One more constraint per level."""

    def rule(response: str, target: str, level: int) -> bool:
        return all(check(response) for check in checks[:level])

    return rule


def _sentences(text: str) -> list[str]:
    return [piece for piece in re.split(r"[.!?]", text) if piece]


def _has(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text) is not None


def _nth_has(text: str, place: int, word: str) -> bool:
    sentences = _sentences(text)
    return place <= len(sentences) and _has(sentences[place - 1], word)


def _exact(response: str, target: str, level: int) -> bool:
    return response == target


def _lines_among(response: str, target: str, level: int) -> bool:
    return set(response.split("\n")) <= set(target.split("\n"))


def _one_of(response: str, target: str, level: int) -> bool:
    return response in ast.literal_eval(target)  # the benchmark's own list, never a model's text


def _contains(response: str, target: str, level: int) -> bool:
    return target in response


def _last(pattern: str) -> Rule:
    """The last match in the response is the result."""

    def rule(response: str, target: str, level: int) -> bool:
        found = re.findall(pattern, response)
        return bool(found) and found[-1] == target

    return rule


def _fits_template(response: str, target: str, level: int) -> bool:
    """The response has the form of the examples; `{answer}` stands for any text on one line."""
    template = target.replace("{instruction}\n", "").replace("{{", "{").replace("}}", "}")
    pattern = ".*".join(re.escape(part) for part in template.split("{answer}"))
    return re.fullmatch(pattern, response) is not None


def _count_is(number: int) -> Check:
    return lambda text: len(_sentences(text)) == number


def _words(accept: Callable[[int], bool]) -> Check:
    return lambda text: accept(len(text.split(" ")))


def _has_word(word: str) -> Check:
    return lambda text: _has(text, word)


def _lacks_word(word: str) -> Check:
    return lambda text: not _has(text, word)


def _marks(text: str) -> int:
    return sum(character in string.punctuation for character in text)


def _perfect_third(text: str) -> bool:
    sentences = _sentences(text)
    return len(sentences) >= 3 and re.search(r"\b(has|have)\s+\w+", sentences[2]) is not None


def _table_care(response: str, target: str, level: int) -> bool:
    """Format 22: three numbered paragraphs of few long sentences; at level 5 also a closing line."""
    paragraphs = response.split("\n\n")
    if len(paragraphs) != (4 if level == 5 else 3):
        return False
    checks: Sequence[bool] = (
        True,
        all(len(_sentences(paragraph)) < 3 for paragraph in paragraphs[:3]),
        all(len(sentence.split()) > 20 for sentence in _sentences(response)),
        all(re.match(r"\d+\.", paragraph.lstrip()) for paragraph in paragraphs if paragraph.strip()),
        response.endswith("Those are suggestions"),
    )
    return all(checks[:level])


def _speech(response: str, target: str, level: int) -> bool:
    """Format 30: five points with a keyword each, one sentence a point, 10 to 15 words a sentence."""
    sentences = re.split(r"(?<!\w\.\w.)(?<![A-Z][a-z]\.)(?<=\.|\?)\s", response)
    points = [sentence for sentence in sentences if any(f"{number}." in sentence for number in range(1, 6))]
    checks: Sequence[bool] = (
        "**" in response,
        len(re.findall(r"\*\*[\d].+?:", response)) == 5,
        all(len(point.split(".")) < 3 for point in points),
        all(10 <= len(sentence.split()) <= 15 for sentence in sentences),
        not any(word.endswith("-ly") for sentence in sentences for word in sentence.split()),
    )
    return all(checks[:level])


_BY_SOURCE: Mapping[str, Rule] = {
    "E2E": _exact,
    "text_editing": _exact,
    "WIKIEVENTS": _lines_among,
    "CONLL2003": _one_of,
    "self_made_space": _contains,
    "BBH_logical": _last(r"\([A-Z]\)"),
    "BBH_time": _last(r"\d{2}/\d{2}/\d{4}"),
    "gsm_8k": _last(r"\$\d+"),
    "cnn_dailymail": _up_to(
        _count_is(3),
        lambda text: all(len(sentence.split()) < 15 for sentence in _sentences(text)),
        lambda text: all(_nth_has(text, place, word) for place, word in ((1, "Potter"), (2, "actor"), (3, "films"))),
        lambda text: not _nth_has(text, 2, "lavish"),
        _perfect_third,
    ),
    "xsum": _up_to(
        _count_is(1),
        _words(lambda count: count < 20),
        _lacks_word("Newton Stewart"),
        lambda text: re.search(r"\b(am|is|are)\s+\w+ing\b", text) is not None,
        _has_word("operation"),
    ),
    "samsum": _up_to(
        _count_is(1),
        _words(lambda count: count < 15),
        _has_word("stuff"),
        lambda text: "procrast" not in text.lower(),
        lambda text: _marks(text) == 1,
    ),
    "gigaword": _up_to(
        _words(lambda count: count == 8),
        lambda text: _marks(text) == 0,
        str.islower,
        _lacks_word("bus"),
        _has_word("in"),
    ),
    "arxiv": _up_to(
        _count_is(1),
        _words(lambda count: count <= 20),
        lambda text: text.startswith("We"),
        _has_word("activations"),
        _lacks_word("transformer"),
    ),
}
