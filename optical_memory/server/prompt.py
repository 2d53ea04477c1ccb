"""A chat request as the decoder takes it: texts and pages in order, then the question. Foreign JSON is checked here."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from optical_memory.errors import InvalidHistoryError
from optical_memory.language.tokenizer import CharacterTokenizer
from optical_memory.model import Model
from optical_memory.server.shelf import ShelvedPage
from renderers.transcript import MARKS

DATA_URL = "data:image/png;base64,"
PAGE_URL = "page:"
_LABELS = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool_result"}


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    include_usage: bool = False


class ChatRequest(BaseModel):
    """What is understood of a chat request; anything else is refused rather than ignored."""

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: list[dict[str, Any]] = Field(min_length=1)
    max_tokens: int | None = Field(default=None, ge=1, le=4096)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=4096)
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Literal[0] | None = None
    """Decoding is greedy; a client may say so."""

    @property
    def num_new_tokens(self) -> int:
        return self.max_completion_tokens or self.max_tokens or 64


@dataclass(frozen=True, slots=True)
class Picture:
    """A page in a request: a PNG, or the id of one that is stored."""

    png: bytes | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """Text of a role."""

    label: str
    text: str


def read_request(messages: Sequence[dict[str, Any]]) -> tuple[list[Said | Picture], str]:
    """The parts in order and the question, which is the last text of the last message.

    Raises InvalidHistoryError for a message that cannot be understood.
    """
    parts: list[Said | Picture] = []
    for index, message in enumerate(messages):
        role = message.get("role")
        if role not in _LABELS:
            raise InvalidHistoryError(f"message {index} has role {role!r}; known roles are {', '.join(_LABELS)}")
        if message.get("tool_calls"):
            calls = "".join(f"{c['function']['name']}({c['function']['arguments']})" for c in message["tool_calls"])
            parts.append(Said("tool_call", calls))
        content = message.get("content") or []
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            parts.append(_part(part, _LABELS[role], index))
    if not parts or not isinstance(parts[-1], Said) or parts[-1].label != "user":
        raise InvalidHistoryError("the last message must end with text of the user's: the question")
    return parts[:-1], parts[-1].text


def _part(part: Any, label: str, index: int) -> Said | Picture:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return Said(label, part["text"])
    url = part["image_url"].get("url") if kind == "image_url" and isinstance(part.get("image_url"), dict) else None
    if isinstance(url, str) and url.startswith(PAGE_URL):
        return Picture(id=url.removeprefix(PAGE_URL))
    if isinstance(url, str):
        return Picture(png=read_data_url(url))
    raise InvalidHistoryError(f"message {index} has a part of type {kind!r}; expected text or image_url")


def read_data_url(url: str) -> bytes:
    """The PNG of a data URL; nothing is ever fetched from elsewhere."""
    if not url.startswith(DATA_URL):
        raise InvalidHistoryError(f"pictures come as {DATA_URL}... or {PAGE_URL}ID, got {url[:40]!r}")
    try:
        return base64.b64decode(url.removeprefix(DATA_URL), validate=True)
    except ValueError as error:  # binascii.Error is one; text that is not ASCII gives a plain one
        raise InvalidHistoryError(f"the picture's base64 is damaged: {error}") from error


def tokens_of(model: Model, parts: Sequence[Said | ShelvedPage], question: str) -> list[int]:
    """Token ids of the context and the question; a page's rows have ids of their own."""
    tokens = [CharacterTokenizer.BOS]
    for part in parts:
        if isinstance(part, Said):
            tokens += model.tokenizer.encode(chr(MARKS[part.label]) + part.text)
        else:
            tokens += part.tokens
    return [*tokens, CharacterTokenizer.QUESTION, *model.tokenizer.encode(question), CharacterTokenizer.ANSWER]
