"""Visual tokens in one piece of device memory, set aside once: nothing is allocated or freed while pages come and go."""

from collections.abc import Sequence

import torch
from torch import Tensor

BLOCK = 16 * 1024
"""Bytes that are handed out together; a native page at the bundled width takes 6 to 38 blocks."""


class Arena:
    """`budget` bytes on a device, rounded down to whole blocks; a tensor may lie in any free ones, so nothing fragments."""

    def __init__(self, budget: int, device: torch.device, block: int = BLOCK) -> None:
        self.block = block
        self._memory = torch.empty((budget // block, block), dtype=torch.uint8, device=device)
        self._free = list(range(len(self._memory) - 1, -1, -1))

    @property
    def num_free(self) -> int:
        return len(self._free)

    def blocks_for(self, num_bytes: int) -> int:
        return -(-num_bytes // self.block)

    def put(self, tensor: Tensor) -> tuple[int, ...]:
        """Copies a tensor in; -> its blocks. The caller has made sure that there are enough."""
        flat = tensor.contiguous().reshape(-1).view(torch.uint8)
        num_blocks = self.blocks_for(flat.numel())
        padded = torch.zeros(num_blocks * self.block, dtype=torch.uint8, device=self._memory.device)
        padded[: flat.numel()] = flat.to(self._memory.device)
        blocks = tuple(self._free.pop() for _ in range(num_blocks))  # after what may run out of memory
        self._memory[list(blocks)] = padded.view(-1, self.block)
        return blocks

    def get(self, blocks: Sequence[int], shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """A copy of the tensor that lies in `blocks`, bit for bit."""
        num_bytes = dtype.itemsize
        for length in shape:
            num_bytes *= length
        return self._memory[list(blocks)].reshape(-1)[:num_bytes].view(dtype).reshape(tuple(shape))

    def free(self, blocks: Sequence[int], *, erase: bool = False) -> None:
        """Gives blocks back; `erase` overwrites them first."""
        if erase and blocks:
            self._memory[list(blocks)] = 0
        self._free.extend(blocks)
