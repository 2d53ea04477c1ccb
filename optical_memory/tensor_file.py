"""A safetensors file read piece by piece into memory that is already there: no copy of a tensor, no map of the file.

A mapped file counts beside the model for as long as it is open; this is how 6 GB load into little more than 6 GB.
"""

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from optical_memory.errors import CheckpointError

STAGE_BYTES = 32 * 1024 * 1024
"""What is held at once of a tensor whose bytes cannot go straight to their place."""
_LENGTH_BYTES = 8
_DTYPES = {
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F32": torch.float32,
    "F64": torch.float64,
    "I8": torch.int8,
    "U8": torch.uint8,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One entry of the header: `start` and `stop` are places in the file."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int


class TensorFile:
    """The header of one file. Raises CheckpointError if it is damaged; a file that ends early is told by its first lost tensor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            start = _LENGTH_BYTES + length
            if not 2 <= length <= size - _LENGTH_BYTES:
                raise CheckpointError(
                    f"{path} is damaged or not a safetensors file: its header does not fit; fetch it again"
                )
            try:
                header = json.loads(file.read(length))
                entries = {name: value for name, value in header.items() if name != "__metadata__"}
                self.tensors = {name: _entry(name, value, start) for name, value in entries.items()}
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise CheckpointError(
                    f"{path} is damaged or not a safetensors file ({error}); fetch it again"
                ) from error
        for tensor in sorted(self.tensors.values(), key=lambda tensor: tensor.start):
            if tensor.stop > size:
                raise CheckpointError(
                    f"{path} is cut short: it has {size:,} bytes, and {tensor.name!r} lies at {tensor.start:,} to "
                    f"{tensor.stop:,}; fetch the file again"
                )

    def read_into(self, name: str, place: Tensor) -> None:
        """Copies a tensor into `place`, contiguous and of its shape, on any device and in any dtype."""
        stored = self.tensors[name]
        target = place.detach().view(-1)
        straight = target.device.type == "cpu" and target.dtype == stored.dtype
        step = max(1, (target.numel() if straight else STAGE_BYTES // stored.dtype.itemsize))
        with self.path.open("rb", buffering=0) as file:
            file.seek(stored.start)
            for first in range(0, target.numel(), step):
                part = target[first : first + step]
                stage = part if straight else torch.empty(len(part), dtype=stored.dtype)
                self._read(file, stage, name)
                if not straight:
                    part.copy_(stage)

    def _read(self, file: Any, stage: Tensor, name: str) -> None:
        view = stage.view(torch.uint8).numpy().data
        while view:
            count = file.readinto(view)
            if not count:
                raise CheckpointError(f"{self.path} ended while {name!r} was read; fetch the file again")
            view = view[count:]


def _entry(name: str, value: dict[str, Any], start: int) -> StoredTensor:
    first, last = value["data_offsets"]
    shape = tuple(value["shape"])
    if value["dtype"] not in _DTYPES:
        raise ValueError(f"{name!r} has dtype {value['dtype']}, known are {', '.join(_DTYPES)}")
    dtype = _DTYPES[value["dtype"]]
    if last - first != prod(shape) * dtype.itemsize or first < 0:
        raise ValueError(
            f"{name!r} has {last - first} bytes, its shape and dtype ask for {prod(shape) * dtype.itemsize}"
        )
    return StoredTensor(name, dtype, shape, start + first, start + last)
