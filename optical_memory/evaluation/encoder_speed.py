"""The encoder beside transformers' UnlimitedOcr vision model: same random weights, same pictures, in turns.

`optical-memory evaluate speed --part encoder`. The floor in operations and bytes stands beside each figure.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from optical_memory.config import EncoderConfig
from optical_memory.device import describe, peak_flops
from optical_memory.evaluation.clock import Clock, exact, spread
from optical_memory.evaluation.floors import encoder_bytes, encoder_operations
from optical_memory.evaluation.report import Figure
from optical_memory.modes import PATCH, Mode
from optical_memory.published import save_published
from optical_memory.vision.encoder import DeepEncoder

TASK = "encoder"
OURS, PEER = "optical_memory", "transformers UnlimitedOcr"
Encode = Callable[[Tensor], Tensor]


@torch.inference_mode()
def evaluate_encoder(
    config: EncoderConfig, modes: Sequence[Mode], clock: Clock, dtype: torch.dtype, batch: int, seed: int = 0
) -> list[Figure]:
    """Pages a second, working memory, and their ratios to the peer's; largest difference of the visual tokens."""
    ours = random_encoder(config, seed).to(clock.device, dtype)
    peer = peer_of(ours, clock.device, dtype)
    setting = f"{describe(clock.device)}, {str(dtype).removeprefix('torch.')}, batch {batch}"
    figures = []
    for mode in modes:
        print(f"measuring the encoder at {mode.name}", file=sys.stderr)
        generator = torch.Generator().manual_seed(seed)
        pixels = (torch.rand(batch, 3, mode.side, mode.side, generator=generator) * 2 - 1).to(clock.device, dtype)
        figures += _floors(config, ours, mode, batch, dtype, setting)
        figures += _beside(ours, peer, pixels, mode, clock, setting)
    return figures


def _beside(
    ours: DeepEncoder, peer: Encode | None, pixels: Tensor, mode: Mode, clock: Clock, setting: str
) -> list[Figure]:
    works = [partial(ours, pixels)] if peer is None else [partial(ours, pixels), partial(peer, pixels)]
    seconds = clock.seconds(*works)
    figures: list[Figure] = []
    rates = [[len(pixels) / taken for taken in times] for times in seconds]
    operations = encoder_operations(ours.config, mode.side)
    top = peak_flops(clock.device, pixels.dtype)
    for name, values in zip((OURS, PEER), rates, strict=False):
        system = f"{name}, {setting}"
        figures.append(spread(TASK, system, mode, "pages a second", values))
        figures.append(spread(TASK, system, mode, "TFLOP a second", [rate * operations / 1e12 for rate in values]))
        if top is not None:
            figures.append(
                spread(TASK, system, mode, "share of the matrix peak", [rate * operations / top for rate in values])
            )
    if peer is None:
        from transformers import __version__

        metric = f"not measured: transformers {__version__} has no UnlimitedOcr"
        return [*figures, exact(TASK, PEER, mode, metric, 0.0, n=0)]
    ratios = [theirs / mine for mine, theirs in zip(*seconds, strict=True)]
    figures.append(spread(TASK, f"{OURS} / {PEER}, {setting}", mode, "speed ratio", ratios))
    difference = float((ours(pixels).float() - peer(pixels).float()).abs().max())
    figures.append(exact(TASK, f"{OURS} - {PEER}, {setting}", mode, "largest difference", difference))
    peaks = [clock.peak(work) for work in works]
    for name, peak in zip((OURS, PEER), peaks, strict=True):
        if peak is not None:
            figures.append(exact(TASK, f"{name}, {setting}", mode, "working memory, MB beyond weights", peak / 1e6))
    if peaks[0] is not None and peaks[1]:
        figures.append(exact(TASK, f"{OURS} / {PEER}, {setting}", mode, "working memory ratio", peaks[0] / peaks[1]))
    return figures


def _floors(
    config: EncoderConfig, encoder: DeepEncoder, mode: Mode, batch: int, dtype: torch.dtype, setting: str
) -> list[Figure]:
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    moved = encoder_bytes(weights, config, mode.side, batch, dtype.itemsize) / batch
    return [
        exact("floor", f"encoder, {setting}", mode, "GFLOP a page", encoder_operations(config, mode.side) / 1e9),
        exact("floor", f"encoder, {setting}", mode, "MB moved a page", moved / 1e6),
    ]


def random_encoder(config: EncoderConfig, seed: int) -> DeepEncoder:
    """Every parameter random and none that blows up: visual tokens of about one."""
    generator = torch.Generator().manual_seed(seed)
    encoder = DeepEncoder(config).eval().requires_grad_(False)
    for name, parameter in encoder.named_parameters():
        scale = 0.7 * parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1
        parameter.normal_(std=scale, generator=generator)
        if name.endswith("weight") and parameter.ndim == 1:
            parameter.add_(1.0)
    return encoder


def peer_of(encoder: DeepEncoder, device: torch.device, dtype: torch.dtype) -> Encode | None:
    """transformers' vision model and projector with the same weights, or None where it has none."""
    try:
        from transformers import UnlimitedOcrModel
    except ImportError:
        return None
    state = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        save_published(Path(folder), state)
        model, report = UnlimitedOcrModel.from_pretrained(
            folder, config=peer_config(encoder.config), dtype=dtype, output_loading_info=True
        )
    strange = [name for name in report["missing_keys"] if "language_model" not in name]
    if strange or report["unexpected_keys"]:
        raise RuntimeError(f"the peer did not take our weights: {strange or report['unexpected_keys']}")
    model.to(device).eval()
    return lambda pixels: model.multi_modal_projector(model.vision_tower(pixels).last_hidden_state)


def peer_config(config: EncoderConfig) -> "object":
    """Our encoder's sizes for transformers, with the smallest language model that it takes."""
    from transformers import UnlimitedOcrConfig

    sam, clip = config.sam, config.clip
    return UnlimitedOcrConfig(
        vision_config={
            "sam_config": {
                "hidden_size": sam.width,
                "output_channels": sam.neck_width,
                "num_hidden_layers": sam.depth,
                "num_attention_heads": sam.heads,
                "image_size": PATCH * sam.position_grid,
                "window_size": sam.window,
                "global_attn_indexes": sam.global_blocks,
                "mlp_dim": sam.mlp_width,
                "downsample_channels": (config.compressor_width, clip.width),
            },
            "encoder_config": {
                "hidden_size": clip.width,
                "intermediate_size": clip.mlp_width,
                "num_hidden_layers": clip.depth,
                "num_attention_heads": clip.heads,
                "image_size": 14 * clip.position_grid,
                "patch_size": 14,
            },
        },
        text_config={
            "vocab_size": 2,
            "hidden_size": config.width,
            "intermediate_size": 2,
            "num_hidden_layers": 1,
            "num_attention_heads": 1,
            "num_key_value_heads": 1,
        },
    )
