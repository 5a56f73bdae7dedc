"""Writes a response to every IFEval prompt by rules, keeping some instructions and breaking others.

Deterministic: the prompt's place decides what is kept. It covers all 25 kinds of instruction, the loose variants,
the languages, and empty responses; it does not try to be good at the task.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LANGUAGES = {
    "de": "Das ist ein kurzer Satz über das Wetter in der Stadt, und er ist ziemlich deutsch.",
    "it": "Questa è una frase breve che parla del tempo nella città di Roma.",
    "hi": "यह मौसम के बारे में एक छोटा वाक्य है।",
    "ru": "Это короткое предложение о погоде в городе.",
}
PLAIN = (
    "Here is what I think about it. The river was calm, and people walked along its bank. "
    "Many of them had come a long way! Would they stay? Nobody could tell."
)


def write(path: Path, prompts: Path) -> Path:
    """A file of {key, response} for all prompts."""
    rows = [json.loads(line) for line in prompts.read_text(encoding="utf-8").splitlines()]
    lines = [json.dumps({"key": row["key"], "response": respond(row, place)}) for place, row in enumerate(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def respond(row: Mapping[str, Any], place: int) -> str:
    """Every seventh response ignores what was asked for, every fiftieth is empty, others fail in part."""
    if place % 50 == 49:
        return " \n" if place % 100 == 49 else ""
    if place % 7 == 6:
        return PLAIN
    text = PLAIN
    for number, (name, given) in enumerate(zip(row["instruction_id_list"], row["kwargs"], strict=True)):
        if (place + number) % 5 != 4:
            text = _keep(text, name, given)
    if place % 11 == 3:
        text = "Sure, here it is:\n" + text  # only a loose reading forgives it
    if place % 11 == 7:
        text = text + "\n**I hope this helps!**"
    return text


def _keep(text: str, name: str, given: Mapping[str, Any]) -> str:
    """The text, changed to follow one instruction; what it did for earlier ones may be lost."""
    kind = name.partition(":")[2]
    if kind in WHOLE:
        return WHOLE[kind](text)
    if kind == "response_language":
        return LANGUAGES.get(given["language"], text)
    if kind in ("existence", "forbidden_words", "frequency", "letter_frequency"):
        return _words(text, kind, given)
    if kind in ("number_words", "number_sentences", "number_paragraphs", "nth_paragraph_first_word"):
        return _lengths(text, kind, given)
    return _forms(text, kind, given)


WHOLE: Mapping[str, Callable[[str], str]] = {
    "english_capital": str.upper,
    "english_lowercase": str.lower,
    "no_comma": lambda text: text.replace(",", ""),
    "quotation": lambda text: f'"{text}"',
    "two_responses": lambda text: f"{text}\n******\nAnother one, {text}",
    "title": lambda text: f"<<A walk>>\n{text}",
    "json_format": lambda text: "```json\n" + json.dumps({"said": text}) + "\n```",
    "constrained_response": lambda text: "My answer is yes.",
    "capital_word_frequency": lambda text: "THE RIVER WAS VERY CALM, AND SO " + text,
}


def _words(text: str, kind: str, given: Mapping[str, Any]) -> str:
    if kind == "existence":
        return text + " " + " ".join(given["keywords"])
    if kind == "forbidden_words":
        return " ".join(word for word in text.split(" ") if word.strip(".,!?").lower() not in given["forbidden_words"])
    if kind == "frequency":
        return text + f" {given['keyword']}" * given["frequency"]
    return text + " " + given["letter"] * given["let_frequency"]


def _lengths(text: str, kind: str, given: Mapping[str, Any]) -> str:
    if kind == "number_words":
        return text + " word" * given["num_words"] if given["relation"] == "at least" else text
    if kind == "number_sentences":
        return text + " It went on. Dr. Smith said so." * given["num_sentences"]
    if kind == "number_paragraphs":
        return "\n***\n".join([text] * given["num_paragraphs"])
    return "\n\n".join(f"{given['first_word']} was there." for _ in range(given["num_paragraphs"]))


def _forms(text: str, kind: str, given: Mapping[str, Any]) -> str:
    if kind == "number_placeholders":
        return text + " [name]" * given["num_placeholders"]
    if kind == "number_bullet_lists":
        return text + "".join(f"\n* point {number}" for number in range(given["num_bullets"]))
    if kind == "number_highlighted_sections":
        return text + "".join(f" *part {number}*" for number in range(given["num_highlights"]))
    if kind == "multiple_sections":
        return "".join(f"{given['section_spliter']} {number + 1}\n{text}\n" for number in range(given["num_sections"]))
    if kind == "postscript":
        return f"{text}\n{given['postscript_marker']} and that is all"
    if kind == "repeat_prompt":
        return f"{given['prompt_to_repeat']}\n{text}"
    if kind == "end_checker":
        return f"{text} {given['end_phrase']}"
    raise ValueError(f"no rule for {kind}")
