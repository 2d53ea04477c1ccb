"""The official checkpoints' tokenizer: byte-level BPE, read from tokenizer.json alone.

tokenizer_config.json names a Llama tokenizer, which makes some loaders read the same file as gibberish; it is not looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer

from optical_memory.errors import CheckpointError

IMAGE = "<image>"
REPEATABLE = ("<td>", "</td>")
"""Tokens of tables, which may repeat without being a loop."""
PROBE = "Line one\n\n\tindented  twice, 3.14 \u2013 \u00fcber\n\u6c34\u706b {'a': [1, 2]}  \U0001f600\n"
"""Spaces, newlines, tabs, digits, other scripts: what a tokenizer of another kind does not give back."""


class BytePairTokenizer:
    """Text to tokens and back. What users wrote never becomes a special token; a prompt may hold them, `<image>` excepted.

    `spoken` says how characters that no vocabulary has are written out: the markers that open a turn.
    """

    def __init__(self, path: Path, image_token: int, spoken: Mapping[int, str]) -> None:
        try:
            self._marked = FastTokenizer.from_file(str(path))
            self._plain = FastTokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises no narrower kind
            raise CheckpointError(f"{path} is damaged or not a tokenizer ({error}); fetch it again") from error
        self._plain.encode_special_tokens = True
        self._spoken = dict(spoken)
        found = self._marked.token_to_id(IMAGE)
        if found != image_token:
            raise CheckpointError(
                f"{path}: {IMAGE} is token {found}, the model has it at {image_token}: they do not belong together"
            )
        read = self.decode(self.encode(PROBE))
        if read != PROBE:
            raise CheckpointError(
                f"{path} does not give back what it encodes: {PROBE!r} comes back as {read!r}; fetch it again"
            )
        tokens = [self._marked.token_to_id(name) for name in REPEATABLE]
        self.repeatable = tuple(token for token in tokens if token is not None)

    def encode(self, text: str) -> list[int]:
        """Lone surrogates become question marks; `<image>` is spelt out."""
        return [token for token, _, _ in self._pieces(text.translate(self._spoken))]

    def places(self, text: str) -> list[tuple[int, int]]:
        """From and to in `text`, for each of its tokens; of a character of several tokens each of them is."""
        return [(start, end) for _, start, end in self._pieces(text)]

    def _pieces(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Tokens, each with where its characters begin and end."""
        clean = text.encode("utf-8", "replace").decode("utf-8")
        position = 0
        for index, part in enumerate(clean.split(IMAGE)):
            for piece in (IMAGE[:1], IMAGE[1:], part) if index else (part,):
                encoding = self._plain.encode(piece, add_special_tokens=False)
                for token, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
                    yield token, position + start, position + end
                position += len(piece)

    def question(self, text: str) -> list[int]:
        """A prompt after its pages, on a line of its own, as in training. Raises ValueError if it holds `<image>`."""
        if IMAGE in text:
            raise ValueError(f"a prompt must not hold {IMAGE}: pages are passed as parts of the context, before it")
        return list(self._marked.encode("\n" + text, add_special_tokens=False).ids)

    def unknown(self, text: str) -> str:
        """Characters that cannot be encoded: none, there is a token for every byte."""
        return text[:0]

    def decode(self, tokens: Sequence[int]) -> str:
        """Special tokens such as `<td>` are part of the text, as upstream."""
        return str(self._marked.decode(list(tokens), skip_special_tokens=False))
