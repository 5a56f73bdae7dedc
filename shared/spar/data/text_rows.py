"""Whether a row is text only, and whether its responses may be trained on. Knows nothing of where its texts are.

A row is text only if no column beside its turns holds images, sound, video or tools (LLaVA, LLaMA-Factory, TRL), and no
placeholder in the text refers to them. A response may be trained on unless its row or turn excludes it: `label: false`
(KTO), `weight: 0` (OpenAI), `train: false` (axolotl), `loss: false` (ms-swift).
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Literal

from spar.data.rows import Fields, RejectKind

Rule = Literal["reject", "ignore"]

MEDIA = ("image", "images", "video", "videos", "audio", "audios", "image_path", "image_url", "video_path", "audio_path")
MEDIA_KEYS = {"bytes", "path"}
"""The keys of an image or a sound in a table written by `datasets`, in any column."""
TOOLS = ("tools", "functions")
LABELS = ("label", "kto_tag", "desirable")
"""Columns that mark the response as desired or not."""
WEIGHTS = ("weight", "train", "training", "trainable", "loss", "loss_weight", "loss_mask", "loss_scale")
"""Columns with the weight of a row or a turn in the loss."""
COLUMNS = (*MEDIA, *TOOLS)
"""The columns that decide whether a prompt is text only."""

_EMPTY_TEXTS = ("", "[]", "{}", "null", "none", "nan")
_NO = ("false", "0", "0.0")
_TOKENS = re.compile(  # the special tokens of Qwen-VL, Llama, Gemma, Phi and others
    r"<\|(?:image|video|audio|vision)\w*\|>|<(?:image|video|audio)_(?:\d+|pad|placeholder|soft_token)>|<start_of_image>"
    r"|<img>[^<]*</img>"
)
_PLACEHOLDER = re.compile(r"<(image|video|audio)>")
_NAMES_MARKUP = re.compile(r"(?:tags?|elements?|nodes?|blocks?|sections?|attributes?)\b", re.IGNORECASE)
_QUOTES = "`'\"“”‘’«»"


class RowRefused(Exception):
    """Raised with the reason why a row is not used; caught where rows are read."""

    def __init__(self, kind: RejectKind, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRules:
    """How to handle rows with tools, and with media: reject them, or read only their text."""

    tools: Rule = "reject"
    media: Rule = "reject"


TEXT_ONLY = TextRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The relevant columns; a dataset_info.json may name others."""

    media: tuple[str, ...] = MEDIA
    tools: tuple[str, ...] = TOOLS
    labels: tuple[str, ...] = LABELS


USUAL = Columns()


def has_tools(row: Fields, columns: Columns = USUAL) -> bool:
    return any(is_filled(row.get(name)) for name in columns.tools)


def check_columns(row: Fields, rules: TextRules, columns: Columns = USUAL) -> None:
    """Raises RowRefused for a row with media or tools beside its turns."""
    if rules.media == "reject":
        named = set(columns.media)
        for name, value in row.items():
            if (name in named or _is_media(value)) and is_filled(value):
                raise RowRefused(RejectKind.MORE_THAN_TEXT, f"the row holds more than text: `{name}` is not empty")
    if rules.tools == "reject" and has_tools(row, columns):
        column = next(name for name in columns.tools if is_filled(row.get(name)))
        raise RowRefused(
            RejectKind.TOOLS,
            f"the row has tools: `{column}` is not empty (`--tools` of an import decides)",
        )


def check_placeholders(text: str, rules: TextRules = TEXT_ONLY) -> None:
    """Raises RowRefused for a user's text with a placeholder for an image, a video or a sound."""
    if rules.media == "reject" and "<" in text and (found := _placeholder(text)) is not None:
        raise RowRefused(RejectKind.MORE_THAN_TEXT, f"the text holds a placeholder for more than text: {found}")


def check_desired(row: Fields, columns: Columns = USUAL) -> None:
    """Raises RowRefused for a row whose response is labelled as undesired."""
    column = next((name for name in columns.labels if _says_no(row.get(name))), None)
    if column is not None:
        raise RowRefused(
            RejectKind.NOT_LEARNED, f"`{column}` is {_shown(row[column])}: its response is labelled as undesired"
        )


def check_weight(row: Fields) -> None:
    """Raises RowRefused for a row that is excluded from training."""
    mark = unlearned_mark(row)
    if mark is not None:
        raise RowRefused(RejectKind.NOT_LEARNED, f"the row is excluded from training ({mark})")


def unlearned_mark(fields: Fields) -> str | None:
    """The mark that excludes a row or a turn from the loss, such as `weight: 0`; None without one."""
    for name in WEIGHTS:
        value = fields.get(name)
        if _says_no(value) or (isinstance(value, int | float) and value < 0):
            return f"{name}: {_shown(fields[name])}"
    details = fields.get("train_detail")  # axolotl: parts of one turn
    if isinstance(details, list) and any(isinstance(part, dict) and _says_no(part.get("train")) for part in details):
        return "train_detail: a part with train: false"
    return None


def is_filled(value: Any) -> bool:
    """Whether a column has a value. Tables write missing values in many ways: null, NaN, "[]", {"bytes": null}."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return False
    if isinstance(value, str):
        return value.strip().lower() not in _EMPTY_TEXTS
    if isinstance(value, dict):
        return any(is_filled(part) for part in value.values())
    if isinstance(value, list | tuple):
        return any(is_filled(part) for part in value)
    return value is not False


def _is_media(value: Any) -> bool:
    if isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, dict) and value.keys() == MEDIA_KEYS


def _placeholder(text: str) -> str | None:
    token = _TOKENS.search(text)
    if token is not None:
        return token.group()
    return next((match.group() for match in _PLACEHOLDER.finditer(text) if not _is_markup(match, text)), None)


def _is_markup(match: re.Match[str], text: str) -> bool:
    """Whether it is HTML or XML markup: there is a closing tag, or the text quotes it or calls it a tag."""
    before, after = text[: match.start()], text[match.end() :]
    quoted = (before and before[-1] in _QUOTES) or (after and after[0] in _QUOTES)
    if quoted or f"</{match[1]}>" in text:
        return True
    named_before = _NAMES_MARKUP.fullmatch(before.split()[-1]) if before.split() else None
    return named_before is not None or _NAMES_MARKUP.match(after.lstrip()) is not None


def _says_no(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _NO
    return isinstance(value, bool | int | float) and value == 0


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
