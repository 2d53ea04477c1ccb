"""CLIP's vision transformer, fed with the compressed grid instead of patches (DeepSeek-OCR, section 3.2.2)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from optical_memory.config import ClipConfig
from optical_memory.linear import Linear
from optical_memory.vision.sam import resize_positions


class ClipBlock(nn.Module):
    """Pre-norm transformer block with quick-GELU, x * sigmoid(1.702 x)."""

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm1 = nn.LayerNorm(config.width, eps=1e-5)
        self.qkv = Linear(config.width, 3 * config.width)
        self.proj = Linear(config.width, config.width)
        self.norm2 = nn.LayerNorm(config.width, eps=1e-5)
        self.fc1 = Linear(config.width, config.mlp_width)
        self.fc2 = Linear(config.mlp_width, config.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)"""
        batch, count, width = tokens.shape
        qkv = self.qkv(self.norm1(tokens)).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.proj(mixed.transpose(1, 2).reshape(batch, count, width))
        hidden = self.fc1(self.norm2(tokens))
        return tokens + self.fc2(hidden * torch.sigmoid(1.702 * hidden))


class ClipEncoder(nn.Module):
    """Class token and positions, a norm before the blocks, none after them."""

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.grid = config.position_grid
        self.class_embed = nn.Parameter(torch.zeros(config.width))
        self.pos_embed = nn.Parameter(torch.zeros(1 + config.position_grid**2, config.width))
        self.pre_norm = nn.LayerNorm(config.width, eps=1e-5)
        self.blocks = nn.ModuleList(ClipBlock(config) for _ in range(config.depth))

    def forward(self, grid: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, H * W, C), the class token left out"""
        _, width, rows, columns = grid.shape
        table = self.pos_embed[1:].view(1, self.grid, self.grid, width)
        places = resize_positions(table, rows, columns).view(1, rows * columns, width)
        tokens = grid.flatten(2).transpose(1, 2) + places
        first = (self.class_embed + self.pos_embed[0]).expand(len(grid), 1, width).to(tokens.dtype)
        tokens = self.pre_norm(torch.cat([first, tokens], 1))
        for block in self.blocks:
            tokens = block(tokens)
        return tokens[:, 1:]
