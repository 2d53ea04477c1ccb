"""Encoded pages as safetensors files: published only when whole, verified when they come back, erased by page or by scope."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from optical_memory.encoded import EncodedPage
from optical_memory.memory.store import StoredPage, TokenKey

_CHECKSUM_SIZE = 16


class TokenFiles:
    """One file a page and mode under `folder/SCOPE/DIGEST/`, the names hashed. A trouble of the disk is noted, not raised:
    the page is made again from its source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.troubles: list[str] = []

    def path_of(self, key: TokenKey) -> Path:
        return self._place(key.scope, key.digest) / f"{key.name}.safetensors"

    def read(self, key: TokenKey) -> StoredPage | None:
        """The page, or None where there is no file or a damaged one, which is removed."""
        path = self.path_of(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self.troubles.append(f"a page's file could not be read: {error.strerror}")
            return None
        checksum, body = content[:_CHECKSUM_SIZE], content[_CHECKSUM_SIZE:]
        if checksum == _checksum(body):
            with suppress(SafetensorError, KeyError):
                tensors = load(body)
                tiles = tensors["tiles"].tolist()
                encoded = EncodedPage(tensors["tokens"], key.mode, key.fingerprint, (tiles[0], tiles[1]))
                measured = float(tensors["fidelity"])
                return StoredPage(encoded, None if np.isnan(measured) else measured, tensors["wrong"].numpy())
        self.troubles.append(f"a page's file was damaged and is made again: {path.name}")
        with suppress(OSError):
            path.unlink()
        return None

    def write(self, key: TokenKey, page: StoredPage) -> None:
        """Publishes a page's file in one step; a full disk leaves nothing behind."""
        body = save(
            {
                "tokens": page.encoded.tokens.contiguous().cpu(),
                "tiles": torch.tensor(page.encoded.tiles),
                "fidelity": torch.tensor(float("nan") if page.fidelity is None else page.fidelity, dtype=torch.float64),
                "wrong": torch.from_numpy(page.wrong.copy()),
            }
        )
        path = self.path_of(key)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            self.home(key.scope).mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._clear_unfinished(path)
            unfinished.write_bytes(_checksum(body) + body)
            unfinished.replace(path)
        except OSError as error:
            self.troubles.append(f"a page's file could not be written: {error.strerror}")
            with suppress(OSError):
                unfinished.unlink()

    def digests(self, scope: str) -> Iterator[str]:
        """Of the pages that a scope has files of."""
        for folder in self._tokens(scope).glob("*/*"):
            yield folder.name

    def home(self, scope: str) -> Path:
        """The folder that holds all there is of a scope."""
        return self.folder / hashlib.blake2b(scope.encode(), digest_size=16).hexdigest()

    def erase(self, scope: str, digest: str | None = None) -> list[str]:
        """Overwrites and removes the files of a page, or of all of a scope's; -> their names."""
        place = self._place(scope, digest)
        gone = []
        for path in sorted(place.rglob("*")) if place.exists() else []:
            if path.is_file():
                try:
                    with path.open("r+b") as file:
                        file.write(bytes(path.stat().st_size))
                    path.unlink()
                    gone.append(f"file: {path.relative_to(self.folder)}")
                except OSError as error:
                    self.troubles.append(f"a page's file could not be erased: {error.strerror}")
        for folder in sorted([*place.rglob("*"), place], reverse=True) if place.exists() else []:
            with suppress(OSError):
                folder.rmdir()
        return gone

    def _place(self, scope: str, digest: str | None) -> Path:
        tokens = self._tokens(scope)
        return tokens if digest is None else tokens / digest[:2] / digest

    def _tokens(self, scope: str) -> Path:
        return self.home(scope) / "tokens"

    def _clear_unfinished(self, path: Path) -> None:
        """Removes what processes left behind that were killed while they wrote this page."""
        for left in path.parent.glob(f"{path.name}.*.part"):
            try:
                os.kill(int(left.name.split(".")[-2]), 0)
            except ProcessLookupError:
                left.unlink(missing_ok=True)
            except OSError:
                continue


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECKSUM_SIZE).digest()
