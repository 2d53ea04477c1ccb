"""SAM's image encoder and the 16x compressor (Segment Anything, arXiv 2304.02643; DeepSeek-OCR, arXiv 2510.18234, section 3.2).

Works channels-last throughout. The relative-position bias of a global block never becomes a (positions x positions) mask: on a
CPU it is added to a few rows of queries at a time, on an accelerator it is folded into queries and keys.
"""

from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional

from optical_memory.config import SamConfig
from optical_memory.linear import Linear
from optical_memory.modes import PATCH

MASK_BYTES = 8 * 1024 * 1024
"""The most that a mask of relative positions takes at once on a CPU, so that it stays in the caches."""
CPU_SLICE = 512
"""Patches that pass the feed-forward part at once on a CPU, or ask all others of a global block."""
MASK_UP_TO = 256
"""Positions of which a fused kernel takes the whole mask: windows, and the smallest views."""


def resize_positions(table: Tensor, height: int, width: int) -> Tensor:
    """(1, G, G, C) -> (1, height, width, C): bicubic with antialias, in float32 and back, as the official checkpoint expects."""
    if table.shape[1:3] == (height, width):
        return table
    channels_first = table.permute(0, 3, 1, 2).float()
    resized = functional.interpolate(
        channels_first, (height, width), mode="bicubic", align_corners=False, antialias=True
    )
    return resized.permute(0, 2, 3, 1).to(table.dtype)


def relative_table(table: Tensor, size: int) -> Tensor:
    """(2L - 1, C) -> (size, size, C): the entry for every (query, key) pair along one axis, linearly resized where L differs."""
    distances = 2 * size - 1
    if table.shape[0] != distances:
        table = functional.interpolate(table.T[None].float(), distances, mode="linear")[0].T.to(table.dtype)
    index = torch.arange(size, device=table.device)
    return table[index[:, None] - index[None, :] + size - 1]


class SamAttention(nn.Module):
    """Multi-head attention with decomposed relative positions (MViTv2, arXiv 2112.01526, equation 4)."""

    def __init__(self, width: int, heads: int, size: int) -> None:
        super().__init__()
        self.heads = heads
        self.head_width = width // heads
        self.qkv = Linear(width, 3 * width)
        self.proj = Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * size - 1, self.head_width))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * size - 1, self.head_width))

    def forward(self, features: Tensor, window: int = 0) -> Tensor:
        """(B, H, W, C) -> (B, H, W, C); in windows of that many patches a side, or globally."""
        qkv = self.qkv(features)
        return self.proj(self._mix_in_windows(qkv, window) if window else self._mix(qkv))

    def _mix_in_windows(self, qkv: Tensor, size: int) -> Tensor:
        """(B, H, W, 3C) -> (B, H, W, C), padded to whole windows. The padding takes part, as in SAM: it is zero before the
        projection, so it is the bias after it, and nothing need be projected there. Nor does it ask on a CPU: at Tiny it is two
        fifths of the windows' places."""
        batch, height, width, channels = qkv.shape
        rows, columns = -(-height // size), -(-width // size)
        if (rows * size, columns * size) != (height, width):
            padded = self.qkv.bias.to(qkv.dtype).expand(batch, rows * size, columns * size, channels).clone()
            padded[:, :height, :width] = qkv
            qkv = padded
        may_cut = qkv.device.type == "cpu"
        across = _stretches(width, size, may_cut)
        bands = []
        for top, bottom, h in _stretches(height, size, may_cut):
            parts = [self._mix_windows(qkv[:, top:bottom, left:right], size, (h, w)) for left, right, w in across]
            bands.append(_joined(parts, 2))
        mixed = _joined(bands, 1)
        # Of rows that do not follow each other PyTorch makes a product for each, with a copy of the weights.
        return mixed[:, :height, :width].contiguous()

    def _mix_windows(self, qkv: Tensor, size: int, asking: tuple[int, int]) -> Tensor:
        """(B, rows of windows, columns of windows, 3C) -> (B, rows of those asking, columns of those asking, C)"""
        batch, height, width, channels = qkv.shape
        rows, columns = height // size, width // size
        windows = qkv.view(batch, rows, size, columns, size, channels).transpose(2, 3).reshape(-1, size, size, channels)
        mixed = self._mix(windows, asking).view(batch, rows, columns, *asking, -1).transpose(2, 3)
        return mixed.reshape(batch, rows * asking[0], columns * asking[1], -1)

    def _mix(self, qkv: Tensor, asking: tuple[int, int] | None = None) -> Tensor:
        """(B, H, W, 3C) -> (B, H, W, C), or what the first (rows, columns) `asking` get of all."""
        batch, height, width, channels = qkv.shape
        h, w = asking or (height, width)
        parts = qkv.reshape(batch, height * width, 3, self.heads, self.head_width)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)  # (B, heads, H*W, head width)
        by_row = query.unflatten(2, (height, width))[:, :, :h, :w]
        query = by_row.flatten(2, 3)
        bias_h = torch.einsum("bnhwc,hkc->bnhwk", by_row, relative_table(self.rel_pos_h, height)[:h].to(query.dtype))
        bias_w = torch.einsum("bnhwc,wkc->bnhwk", by_row, relative_table(self.rel_pos_w, width)[:w].to(query.dtype))
        if height * width > MASK_UP_TO and query.device.type != "cpu":
            mixed = self._fold(query, key, value, bias_h.flatten(2, 3), bias_w.flatten(2, 3))
        elif height * width > MASK_UP_TO and not torch.is_grad_enabled():
            mixed = _attend_by_head(query, key, value, bias_h, bias_w)
        else:
            mixed = _attend_by_rows(query, key, value, bias_h, bias_w)
        return mixed.transpose(1, 2).reshape(batch, h, w, channels // 3)

    def _fold(self, query: Tensor, key: Tensor, value: Tensor, bias_h: Tensor, bias_w: Tensor) -> Tensor:
        """Attention whose bias is a product: the query carries its bias per row and column, the key is one-hot in both.

        Three times the multiplications, and no mask: what fused kernels of accelerators want."""
        height, width = bias_h.shape[-1], bias_w.shape[-1]
        rows = torch.eye(height, dtype=key.dtype, device=key.device).repeat_interleave(width, 0)
        columns = torch.eye(width, dtype=key.dtype, device=key.device).repeat(height, 1)
        place = torch.cat([rows, columns], -1).expand(*key.shape[:2], -1, -1)
        query = torch.cat([query * self.head_width**-0.5, bias_h, bias_w], -1)
        key = torch.cat([key, place], -1)
        value = functional.pad(value, (0, height + width))  # fused kernels want one width
        return functional.scaled_dot_product_attention(query, key, value, scale=1.0)[..., : self.head_width]


def _stretches(length: int, size: int, may_cut: bool) -> list[tuple[int, int, int]]:
    """A side of that length in whole windows: (first, last) and how many places of each window ask. The last window, if it is not
    full, is a stretch of its own where that `may_cut` its padding off."""
    full, rest = divmod(length, size)
    if not rest or not may_cut:
        return [(0, -(-length // size) * size, size)]
    last = (full * size, full * size + size, rest)
    return [(0, full * size, size), last] if full else [last]


def _attend_by_rows(query: Tensor, key: Tensor, value: Tensor, bias_h: Tensor, bias_w: Tensor) -> Tensor:
    """Attention with the bias as a mask, so many rows of queries at once that the mask stays in a core's reach.

    `query` (B, N, h*w, C), `key`, `value` (B, N, H*W, C), `bias_h` (B, N, h, w, H), `bias_w` (B, N, h, w, W) -> (B, N, h*w, C).
    """
    batch, heads, height, width, num_rows = bias_h.shape
    row_bytes = batch * heads * width * key.shape[2] * query.element_size()
    step = min(height, max(1, MASK_BYTES // row_bytes))
    mask = None
    if not torch.is_grad_enabled():
        mask = query.new_empty(batch, heads, step, width, num_rows, bias_w.shape[-1])
    mixed = []
    for first in range(0, height, step):
        last = min(height, first + step)
        by_row, by_column = bias_h[:, :, first:last, :, :, None], bias_w[:, :, first:last, :, None, :]
        out = None if mask is None else mask[:, :, : last - first]
        bias = torch.add(by_row, by_column, out=out).flatten(-2).flatten(2, 3)
        part = query[:, :, first * width : last * width]
        mixed.append(functional.scaled_dot_product_attention(part, key, value, attn_mask=bias))
    return _joined(mixed, 2)


def _joined(parts: list[Tensor], dim: int) -> Tensor:
    """`torch.cat` without its copy of a single part."""
    return torch.cat(parts, dim) if len(parts) > 1 else parts[0]


def _attend_by_head(query: Tensor, key: Tensor, value: Tensor, bias_h: Tensor, bias_w: Tensor) -> Tensor:
    """The same as plain products, one head and a slice of queries at a time, with scores in float32.

    The fused kernel of a CPU brings keys and values into its own order again for every slice. Of 4,096 positions and 12 heads on
    two cores of an AMD EPYC this takes .43 s instead of .55, in bfloat16, which the kernel makes less of, .28 instead of .65.
    """
    batch, heads, height, width, num_rows = bias_h.shape
    step = max(1, CPU_SLICE // width)
    query = query.contiguous() * query.shape[-1] ** -0.5
    mixed = torch.empty_like(query)
    for view, head in product(range(batch), range(heads)):
        keys, values = key[view, head].T, value[view, head]
        for first in range(0, height, step):
            rows, asking = slice(first, first + step), slice(first * width, (first + step) * width)
            scores = torch.mm(query[view, head, asking], keys).float().view(-1, width, num_rows, bias_w.shape[-1])
            scores += bias_h[view, head, rows, :, :, None]
            scores += bias_w[view, head, rows, :, None, :]
            shares = scores.view(-1, key.shape[2]).softmax(-1).to(values.dtype)
            torch.mm(shares, values, out=mixed[view, head, asking])
    return mixed


class SamBlock(nn.Module):
    """Pre-norm transformer block; `window` = 0 attends globally."""

    def __init__(self, config: SamConfig, window: int) -> None:
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(config.width, eps=1e-6)
        self.attn = SamAttention(config.width, config.heads, window or config.position_grid)
        self.norm2 = nn.LayerNorm(config.width, eps=1e-6)
        self.mlp = nn.Sequential(
            Linear(config.width, config.mlp_width), nn.GELU(), Linear(config.mlp_width, config.width)
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, H, W, C) -> (B, H, W, C)

        On a CPU a row of windows passes the whole block before the next one, and of a global block the feed-forward part goes
        in slices: what lies between stays in the caches, and in an allocator's heap rather than in fresh pages.
        """
        in_slices = features.device.type == "cpu" and not self.training
        if self.window and in_slices and features.shape[1] > self.window:
            return torch.cat([self._whole(rows) for rows in features.split(self.window, 1)], 1)
        if in_slices:
            mixed = features + self.attn(self.norm1(features), self.window)
            slices = mixed.flatten(0, 2).split(CPU_SLICE)
            return torch.cat([part + self.mlp(self.norm2(part)) for part in slices]).view(features.shape)
        return self._whole(features)

    def _whole(self, features: Tensor) -> Tensor:
        features = features + self.attn(self.norm1(features), self.window)
        return features + self.mlp(self.norm2(features))


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (B, C, H, W)."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SamEncoder(nn.Module):
    """Pixels to a patch grid: patch embedding, blocks, neck."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, config.width, PATCH, stride=PATCH)
        self.pos_embed = nn.Parameter(torch.zeros(1, config.position_grid, config.position_grid, config.width))
        self.blocks = nn.ModuleList(
            SamBlock(config, 0 if index in config.global_blocks else config.window) for index in range(config.depth)
        )
        self.neck = nn.Sequential(
            nn.Conv2d(config.width, config.neck_width, 1, bias=False),
            ChannelNorm(config.neck_width, eps=1e-6),
            nn.Conv2d(config.neck_width, config.neck_width, 3, padding=1, bias=False),
            ChannelNorm(config.neck_width, eps=1e-6),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in -1..1 -> (B, neck width, H / 16, W / 16)"""
        features = self.patch_embed(pixels).permute(0, 2, 3, 1)
        features = features + resize_positions(self.pos_embed, features.shape[1], features.shape[2])
        for block in self.blocks:
            features = block(features)
        return self.neck(features.permute(0, 3, 1, 2))


class Compressor(nn.Module):
    """The 16x compressor: two 3x3 convolutions of stride 2, no bias, nothing between."""

    def __init__(self, neck_width: int, middle_width: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(neck_width, middle_width, 3, stride=2, padding=1, bias=False)
        self.conv2 = nn.Conv2d(middle_width, width, 3, stride=2, padding=1, bias=False)

    def forward(self, patches: Tensor) -> Tensor:
        """(B, neck width, H, W) -> (B, width, H / 4, W / 4)"""
        return self.conv2(self.conv1(patches))
