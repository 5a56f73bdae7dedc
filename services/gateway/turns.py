"""The messages of a request, as clients write them and as they return the replies that they received.

A message is its role and its text. What else clients attach (names, identifiers, annotations, thoughts) is metadata and
ignored; content that a text model cannot take is refused.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from services.gateway.neutral import Nothing, is_nothing

TEXT_PARTS: Mapping[str, str] = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "refusal": "refusal",
}
"""By the type of a part: the field with its text."""
THOUGHT_PARTS = frozenset({"thinking", "redacted_thinking", "reasoning"})
"""Parts of earlier replies that are not part of the conversation."""


def read_content(content: Any) -> Any:
    """The text of a message; its parts are joined by newlines, as vLLM does (0.32.0)."""
    if content is None:
        return ""
    if not isinstance(content, list):
        return content
    texts = [_text_of(number, part) for number, part in enumerate(content)]
    return "\n".join(text for text in texts if text is not None)


def _text_of(number: int, part: Any) -> str | None:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in THOUGHT_PARTS:
        return None
    text = part.get(TEXT_PARTS[kind]) if isinstance(kind, str) and kind in TEXT_PARTS else None
    if isinstance(text, str):
        return text
    raise PydanticCustomError(
        "unsupported",
        "part {number} is no text (type {kind}); the models take text only",
        {"number": number, "kind": repr(kind)},
    )


class MessageBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(read_content)] = ""
    refusal: str | None = None
    """An assistant's refusal, which OpenAI's replies have instead of a content."""
    audio: str | None = None
    """The transcript of a spoken reply, which has no content either."""
    tool_calls: Nothing = None
    function_call: Nothing = None
    images: Nothing = None

    @field_validator("audio", mode="before")
    @classmethod
    def _transcript(cls, audio: Any, info: ValidationInfo) -> str | None:
        if is_nothing(audio):
            return None
        transcript = audio.get("transcript") if isinstance(audio, dict) else None
        has_text = bool(info.data.get("content")) or isinstance(transcript, str)
        if info.data.get("role") != "assistant" or not has_text:
            raise PydanticCustomError("unsupported", "a recording without its text; the models take text only")
        return transcript if isinstance(transcript, str) else None

    @property
    def text(self) -> str:
        return self.content or self.refusal or self.audio or ""
