"""Pages that a server keeps by id: encoded once, and numbered once, so that the same page is the same prefix for every request."""

import hashlib
import io
import itertools
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from PIL import Image

from optical_memory.encoded import EncodedPage
from optical_memory.errors import UnreadableTextError
from optical_memory.model import Model
from optical_memory.modes import NATIVE_MODES

MAX_PICTURE_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class ShelvedPage:
    """A page with the first of the token ids that stand for its rows. No two pages ever have the same ids."""

    id: str
    encoded: EncodedPage
    first_token: int

    @property
    def tokens(self) -> range:
        return range(self.first_token, self.first_token + self.encoded.sequence_length)


class Shelf:
    """Keeps encoded pages; beyond `budget` bytes the one unused longest goes. Safe to share between threads."""

    def __init__(self, model: Model, first_token: int, budget: int = 512 * 2**20) -> None:
        self.model = model
        self.budget = budget
        self.num_bytes = 0
        self._pages: OrderedDict[str, ShelvedPage] = OrderedDict()
        self._lock = Lock()
        self._next = itertools.count(first_token, max(mode.sequence_length() for mode in NATIVE_MODES))

    def get(self, identity: str) -> ShelvedPage | None:
        with self._lock:
            page = self._pages.get(identity)
            if page is not None:
                self._pages.move_to_end(identity)
            return page

    def put(self, picture: bytes) -> ShelvedPage:
        """The page of a PNG, encoded if it is not here yet. Raises UnreadableTextError for a picture that is no native page."""
        identity = (
            "page-" + hashlib.blake2b(picture, key=self.model.fingerprint.encode()[:64], digest_size=16).hexdigest()
        )
        found = self.get(identity)
        if found is not None:
            return found
        encoded = self._encode(picture)
        with self._lock:
            if identity in self._pages:  # another request was faster; a page is numbered once
                return self._pages[identity]
            page = self._pages[identity] = ShelvedPage(identity, encoded, next(self._next))
            self.num_bytes += encoded.num_bytes
            while self.num_bytes > self.budget and len(self._pages) > 1:
                self.num_bytes -= self._pages.popitem(last=False)[1].encoded.num_bytes
            return page

    def drop(self, identity: str) -> bool:
        with self._lock:
            page = self._pages.pop(identity, None)
            self.num_bytes -= page.encoded.num_bytes if page is not None else 0
            return page is not None

    def _encode(self, picture: bytes) -> EncodedPage:
        sides = {(mode.side, mode.side): mode for mode in NATIVE_MODES}
        if len(picture) > MAX_PICTURE_BYTES:
            raise UnreadableTextError(f"a picture may have {MAX_PICTURE_BYTES:,} bytes, got {len(picture):,}")
        try:
            image = Image.open(io.BytesIO(picture))
            mode = sides.get(image.size)
            colours = image.convert("RGB") if mode is not None else image
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise UnreadableTextError(f"the picture cannot be opened: {type(error).__name__}") from error
        if mode is None:
            raise UnreadableTextError(
                f"a page is square with a side of {', '.join(str(mode.side) for mode in NATIVE_MODES)} pixels, "
                f"got {image.size[0]} x {image.size[1]}"
            )
        return self.model.encode_picture(colours, mode)
