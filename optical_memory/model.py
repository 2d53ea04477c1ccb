"""Encoder, readout and decoder as one thing. The decoder is loaded when it is first needed: encoding and reading do without."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optical_memory.collector import without_collections
from optical_memory.config import DecoderConfig
from optical_memory.encoded import EncodedPage, Reading
from optical_memory.errors import CheckpointError, SpliceError, UnreadableTextError
from optical_memory.language.byte_pairs import BytePairTokenizer
from optical_memory.language.prefix import Prefix
from optical_memory.language.prompts import FREE_OCR
from optical_memory.language.quoting import Quoting
from optical_memory.language.signposts import signposts_of
from optical_memory.language.tokenizer import CharacterTokenizer, Tokenizer
from optical_memory.modes import TOKEN
from optical_memory.sight import Sight, Weights
from optical_memory.splice import splice
from renderers.transcript import MARKS

if TYPE_CHECKING:
    from optical_memory.language.decoder import Decoder


class Model(Sight):
    """A checkpoint at work on a device: what `Sight` does, and with its decoder `splice` and `answer`, in the same `dtype`."""

    def __init__(self, checkpoint: Weights, device: torch.device, dtype: torch.dtype | None = None) -> None:
        super().__init__(checkpoint, device, dtype)
        self._decoders: list[Decoder] = []
        """The one that was loaded and its part for text, shared with the models that `on_grid` gives."""

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Characters for a model with a readout's alphabet, the checkpoint's own byte pairs for an official one."""
        if self.config.readout is not None:
            return CharacterTokenizer(self.config.readout.alphabet)
        spoken = {code: f"\n{label.replace('_', ' ')}: " for label, code in MARKS.items()}
        return BytePairTokenizer(self.checkpoint.tokenizer_file, self.decoder_config.image_token, spoken)

    @property
    def decoder_config(self) -> DecoderConfig:
        """Raises CheckpointError if the model encodes and reads only."""
        if self.config.decoder is None:
            raise CheckpointError(f"model {self.config.name!r} has no decoder: it encodes and reads only")
        return self.config.decoder

    @property
    def decoder(self) -> "Decoder":
        """Loaded on first use; imports transformers."""
        return self._loaded()[0]

    @property
    def answering(self) -> "Decoder":
        """What answers: the decoder without the layers by which it reads pages, if it has any."""
        return self._loaded()[1]

    def _loaded(self) -> list["Decoder"]:
        if not self._decoders:
            with without_collections():
                from optical_memory.language.decoder import blank_decoder, for_text
                from optical_memory.language.one_token import OneToken

                decoder = blank_decoder(self.decoder_config)
                self.checkpoint.fill({"decoder": decoder}, self.device, self.dtype)
                answering = for_text(decoder.eval(), self.decoder_config)
                answering.one_token = OneToken(answering, may_pack=self.config.readout is not None)
                self._decoders += [decoder, answering]
        return self._decoders

    def page_rows(self, page: EncodedPage) -> Tensor:
        """(L, D) the rows of a page in the decoder's context: visual tokens, newlines, separator."""
        self._check(page)
        tokens = page.tokens.to(self.device, torch.float32)
        whole, cuts = tokens[: page.mode.grid**2], tokens[page.mode.grid**2 :]
        if page.mode.tile_side is None or not len(cuts):
            return self.encoder.sequence(whole)
        per_cut = (page.mode.tile_side // TOKEN) ** 2
        return self.encoder.sequence(whole, cuts.unflatten(0, (-1, per_cut)), page.tiles)

    def tokens_of(self, parts: Sequence[str | EncodedPage]) -> list[int]:
        """Token ids of a context: the text's, a placeholder for every page row."""
        image_token = self.decoder_config.image_token
        tokens = [self.decoder_config.bos_token]
        for part in parts:
            if isinstance(part, str):
                tokens += self.tokenizer.encode(part)
            else:
                tokens += [image_token] * part.sequence_length
        return tokens

    @property
    def decoder_reads_pages(self) -> bool:
        """Whether the decoder makes sense of visual tokens. Where there is a readout, that reads for it: the decoder was trained on
        text, and a long context only takes it off the passage."""
        return self.readout is None

    def positions(self, piece: str | EncodedPage) -> int:
        """Rows that a piece takes in the decoder's context."""
        return len(self.tokenizer.encode(piece)) if isinstance(piece, str) else piece.sequence_length

    def positions_asked(self, question: str) -> int:
        """Rows that a question takes, and what stands before everything. Raises UnreadableTextError as `answer` does."""
        return 1 + len(self._asked(question))

    @torch.inference_mode()
    def splice(self, parts: Sequence[str | EncodedPage], tail: Sequence[int] = ()) -> Tensor:
        """(T, D) input embeddings of text and pages in order, and of the token ids `tail` after them."""
        tokens = [*self.tokens_of(parts), *tail]
        rows = [self.page_rows(part) for part in parts if isinstance(part, EncodedPage)]
        return splice(tokens, rows, self.decoder_config.image_token, self.decoder.model.embed_tokens)

    def answer(
        self,
        parts: Sequence[str | EncodedPage],
        question: str,
        max_new_tokens: int = 128,
        prefix: Prefix | None = None,
        quoting: str | None = None,
    ) -> str:
        """The decoder's answer to a question over a spliced context; to a prompt, for an official model (language/prompts.py).

        `quoting`: the text that the answer has to be a stretch of, whole words of it unless `max_new_tokens` cuts them, or a
        refusal; for a decoder of characters, as the bundled one, that was taught to copy. Rows that `prefix` holds from the last
        call cost nothing. Raises SpliceError if the context is too long for the decoder.
        """
        rows = self.splice(parts, self._asked(question))
        room = self.decoder_config.max_positions - max_new_tokens
        if len(rows) > room:
            raise SpliceError(f"the context takes {len(rows)} positions, the decoder has {room}: ask over fewer pages")
        # after the decoder, which imports the most
        from optical_memory.language.generate import Guard, RepetitionGuard, generate

        guard: Guard = RepetitionGuard(exempt=self.tokenizer.repeatable)
        if quoting is not None and isinstance(self.tokenizer, CharacterTokenizer):
            guard = Quoting(quoting, self.tokenizer, self.decoder_config.eos_token)
        return self.tokenizer.decode(generate(self.answering, rows, max_new_tokens, guard, prefix))

    def _asked(self, question: str) -> list[int]:
        strange = self.tokenizer.unknown(question)
        if strange:
            raise UnreadableTextError(
                f"the question holds characters that {self.config.name!r} does not know: {strange!r}"
            )
        return self.tokenizer.question(question)

    @torch.inference_mode()
    def recite(self, page: EncodedPage) -> Reading:
        """What the decoder reads on a page by itself, every character of it, from the visual tokens in its context and what it
        said before (language/reading.py); a signpost where a character should be is U+FFFD.

        Raises CheckpointError if it was not taught to, ValueError for a page of another mode than its signposts are for.
        """
        config, readout = self.decoder_config, self.config.readout
        if config.signposts is None or readout is None:
            raise CheckpointError(
                f"the decoder of {self.config.name!r} does not read row by row: prompt it, `model.answer([page], FREE_OCR)`"
            )
        if page.mode.grid != config.signposts.tokens or page.mode.tile_side is not None:
            raise ValueError(
                f"the decoder reads {config.signposts.rows} x {config.signposts.rows} characters in {config.signposts.tokens} x "
                f"{config.signposts.tokens} visual tokens, this page is {page.mode}: encode it in the mode that has so many"
            )
        from optical_memory.language.reading import read_rows

        signposts = signposts_of(config.signposts, config.vocab_size)
        prompt = self.splice([page], [CharacterTokenizer.READ])
        tokens, probabilities = read_rows(self.decoder, prompt, signposts, range(config.signposts.rows))
        said, sure = (part[:, signposts.character_places].flatten().cpu().numpy() for part in (tokens, probabilities))
        codes = np.full(config.vocab_size, ord("\ufffd"), dtype=np.uint32)
        codes[CharacterTokenizer.FIRST :][: len(readout.alphabet)] = [ord(character) for character in readout.alphabet]
        return Reading(codes[said], sure)

    def misread(self, page: EncodedPage, text: str) -> NDArray[np.int32]:
        """Places in a page's `text` that the decoder gets wrong, prompted to read the page and told what stands before each
        token (one teacher-forced pass; a language prior helps it). Raises CheckpointError without a decoder, SpliceError
        where page and text are too long for it."""
        from optical_memory.language.forced import said_right

        targets = self.tokenizer.encode(text)
        tail = [*self.tokenizer.question(FREE_OCR), *targets]
        positions = 1 + page.sequence_length + len(tail)
        if positions > self.decoder_config.max_positions:
            raise SpliceError(f"page and text take {positions} positions, more than the decoder has")
        right = said_right(self.decoder, self.splice([page], tail), torch.tensor(targets, device=self.device))
        places = self.tokenizer.places(text)
        wrong = [range(*place) for place, is_right in zip(places, right.tolist(), strict=True) if not is_right]
        return np.array(sorted({place for places in wrong for place in places}), dtype=np.int32)
