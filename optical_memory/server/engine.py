"""Many requests at once through transformers' own continuous batching.

That engine takes token ids and no embeddings, so the rows of a page get ids of their own beyond the vocabulary, and the
decoder's embedding looks them up. The engine's sharing of prefixes then holds for pages as it does for text.
"""

import asyncio
import itertools
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from optical_memory.errors import OpticalMemoryError
from optical_memory.language.generate import RepetitionGuard
from optical_memory.model import Model
from optical_memory.server.guard import guarded
from optical_memory.server.shelf import ShelvedPage

CACHED_CONTEXTS = 2
"""Contexts of full length that the cache of keys and values holds; shorter ones share that room."""
BATCH_TOKENS = 1024
"""Positions computed in one step, of prompts and answers together."""


class PageEmbedding(nn.Module):
    """A token embedding that also knows the ids of page rows, for as long as a request holds them."""

    def __init__(self, words: nn.Embedding) -> None:
        super().__init__()
        self.words = words
        self._rows: dict[int, tuple[Tensor, int]] = {}
        self._firsts: list[int] = []
        self._lock = Lock()

    @property
    def weight(self) -> Tensor:
        return self.words.weight

    def hold(self, first_token: int, rows: Tensor) -> None:
        """(L, D) rows get the ids from `first_token` on."""
        with self._lock:
            kept, holders = self._rows.get(first_token, (rows, 0))
            self._rows[first_token] = (kept, holders + 1)
            self._firsts = sorted(self._rows)

    def release(self, first_token: int) -> None:
        with self._lock:
            rows, holders = self._rows.pop(first_token)
            if holders > 1:
                self._rows[first_token] = (rows, holders - 1)
            self._firsts = sorted(self._rows)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids of any shape -> embeddings (..., D)."""
        of_pages = ids >= self.words.num_embeddings
        embedded = self.words(ids.masked_fill(of_pages, 0))
        if bool(of_pages.any()):
            wanted = ids[of_pages].tolist()
            with self._lock:
                rows = [self._row(token) for token in wanted]
            embedded = embedded.clone()
            embedded[of_pages] = torch.stack(rows).to(embedded.dtype)
        return embedded

    def _row(self, token: int) -> Tensor:
        place = bisect_right(self._firsts, token) - 1
        first = self._firsts[place] if place >= 0 else -1
        rows = self._rows[first][0] if place >= 0 else None
        if rows is None or token - first >= len(rows):
            return self.words.weight.new_zeros(self.words.embedding_dim)  # of a request that is gone already
        return rows[token - first]


class Engine:
    """One model, one background thread of transformers', any number of callers on an event loop."""

    def __init__(self, model: Model, max_requests: int) -> None:
        self.model = model
        self.max_positions = model.decoder_config.max_positions
        decoder = model.answering
        self._embedding = PageEmbedding(decoder.model.embed_tokens)
        decoder.model.embed_tokens = self._embedding
        end = decoder.config.eos_token_id
        blocks = CACHED_CONTEXTS * self.max_positions // 256
        self._manager: Any = decoder.init_continuous_batching(
            generation_config=GenerationConfig(do_sample=False, eos_token_id=end, pad_token_id=end, max_new_tokens=64),
            continuous_batching_config=ContinuousBatchingConfig(
                page_size=256,
                num_blocks=blocks,
                max_batch_tokens=BATCH_TOKENS,
                max_requests_per_batch=max_requests,
                use_async_batching=False,  # page rows and the guard are looked up between two steps, on the host
                use_cuda_graph=False,
            ),
        )
        self._manager.logit_processor = guarded(RepetitionGuard(exempt=model.tokenizer.repeatable))
        self._names = itertools.count()
        self._end = end

    @property
    def first_page_token(self) -> int:
        return int(self._embedding.words.num_embeddings)

    def start(self) -> None:
        self._manager.start()

    def stop(self) -> None:
        self._manager.stop(block=True, timeout=10)

    async def generate(
        self, tokens: Sequence[int], pages: Sequence[ShelvedPage], max_new_tokens: int
    ) -> AsyncIterator[int]:
        """The tokens that follow, as they come, without the end token. Whoever stops listening stops the request."""
        name = f"request-{next(self._names)}"
        arrived: asyncio.Queue[Any] = asyncio.Queue()
        held: list[int] = []
        finished = added = False
        try:
            rows = await asyncio.to_thread(lambda: [self.model.page_rows(page.encoded) for page in pages])
            for page, of_page in zip(pages, rows, strict=True):
                self._embedding.hold(page.first_token, of_page)
                held.append(page.first_token)
            self._manager.register_result_handler(name, arrived.put_nowait)
            self._manager.add_request(
                list(tokens), request_id=name, max_new_tokens=max_new_tokens, streaming=True, eos_token_id=self._end
            )
            added, told = True, 0
            while not finished:
                output = await arrived.get()
                if output.error is not None:
                    finished = True
                    raise OpticalMemoryError(f"the engine gave up on the request: {output.error}")
                finished = output.is_finished()
                new = list(output.generated_tokens[told:])
                told += len(new)
                for token in new:
                    if token != self._end:
                        yield token
        finally:
            if not finished and added:
                self._manager.cancel_request(name)
            for first in held:
                self._embedding.release(first)
