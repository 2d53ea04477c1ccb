"""How a DeepEncoder that is trained from nothing starts: packing sixteen patches into one vector is given, not discovered."""

import torch
from torch import Tensor, nn

from optical_memory.vision.clip import ClipBlock
from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.readout import PATCHES, CellClassifier, Readout, ResidualConv
from optical_memory.vision.sam import SamBlock

_NOISE = 0.05
_KERNEL_PLACES = ((1, 1), (1, 2), (2, 1), (2, 2))
"""With stride 2 and padding 1 these four kernel positions fall on the four inputs that an output owns."""


@torch.no_grad()
def start_as_space_to_depth(encoder: DeepEncoder, readout: Readout) -> None:
    """Sets the weights so that each of a token's sixteen patches owns a slice of its channels, and the readout undoes it.

    Convolutions start by looking at their own patch, residual branches and position tables at zero; all is trained like
    the rest.
    """
    conv1, conv2 = encoder.compressor.conv1, encoder.compressor.conv2
    quarter = conv1.out_channels // 4
    slot = encoder.config.width // (PATCHES * PATCHES)
    _pack(conv1, kept=quarter, stride_out=quarter, groups=1, stride_in=0)
    _pack(conv2, kept=slot, stride_out=slot, groups=4, stride_in=quarter)

    projector = encoder.projector
    projector.weight.mul_(_NOISE)
    clip_width = encoder.config.clip.width
    width = min(clip_width, encoder.config.width)
    projector.weight[:width, clip_width : clip_width + width] += torch.eye(width)
    projector.bias.zero_()

    readout.unfold.weight.mul_(_NOISE)
    readout.unfold.bias.zero_()
    by_patch = readout.unfold.weight.view(PATCHES, PATCHES, readout.config.width, -1)
    for row in range(PATCHES):
        for column in range(PATCHES):
            first = _slot_of(row, column) * slot
            by_patch[row, column, :slot, first : first + slot] += torch.eye(slot)

    refine = encoder.sam.neck[2]
    assert isinstance(refine, nn.Conv2d)
    refine.weight.mul_(_NOISE)
    refine.weight[:, :, 1, 1] += torch.eye(refine.out_channels)
    for conv in readout.convs:
        assert isinstance(conv, ResidualConv)
        conv.conv.weight.mul_(_NOISE)
    start_refining(readout.cells)
    for block in encoder.sam.blocks:
        assert isinstance(block, SamBlock)
        last = block.mlp[2]
        assert isinstance(last, nn.Linear)
        _silence(block.attn.proj, last)
    for block in encoder.clip.blocks:
        assert isinstance(block, ClipBlock)
        _silence(block.proj, block.fc2)
    for vector in (encoder.newline, encoder.separator, encoder.clip.class_embed):
        nn.init.normal_(vector, std=0.02)


@torch.no_grad()
def start_refining(cells: CellClassifier) -> None:
    """The cells' residual branch starts at zero."""
    last = cells.refine[2]
    assert isinstance(last, nn.Linear)
    _silence(last)


def _slot_of(row: int, column: int) -> int:
    """Which slice of a token's channels the patch at (row, column) of its 4 x 4 owns."""
    inner = row % 2 * 2 + column % 2
    outer = row // 2 * 2 + column // 2
    return outer * 4 + inner


def _pack(conv: nn.Conv2d, kept: int, stride_out: int, groups: int, stride_in: int) -> None:
    weight: Tensor = conv.weight
    weight.mul_(_NOISE)
    for place, (row, column) in enumerate(_KERNEL_PLACES):
        for group in range(groups):
            first = place * groups * stride_out + group * stride_out
            for channel in range(kept):
                weight[first + channel, group * stride_in + channel, row, column] += 1.0


def _silence(*layers: nn.Linear) -> None:
    for layer in layers:
        layer.weight.zero_()
        layer.bias.zero_()
