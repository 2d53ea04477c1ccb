"""A picture on its way into a message."""

import base64
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG as base64 text: encoded once, written into as many requests as show it."""

    base64: str

    @classmethod
    def of(cls, png: bytes) -> "Picture":
        return cls(base64.b64encode(png).decode("ascii"))

    @property
    def data_url(self) -> str:
        return "data:image/png;base64," + self.base64
