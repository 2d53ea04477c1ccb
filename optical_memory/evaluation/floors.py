"""Operations and bytes that no implementation can do without: what stands beside a measured speed.

An operation is one multiplication or one addition, so a multiply-add counts two; norms and activations are not counted.
"""

from optical_memory.config import ClipConfig, DecoderConfig, EncoderConfig, SamConfig
from optical_memory.modes import PATCH, TOKEN


def encoder_operations(config: EncoderConfig, side: int) -> int:
    """Of one view of `side` pixels a side. Every patch asks the whole of its window, the padding too, on which SAM's result
    depends; the padding asks nothing."""
    sam, clip = config.sam, config.clip
    grid = side // PATCH
    patches, tokens = grid**2, (side // TOKEN) ** 2
    neck = 2 * patches * sam.neck_width * (sam.width + 9 * sam.neck_width)
    middle, width = config.compressor_width, clip.width
    compressor = 2 * 9 * (patches // 4 * sam.neck_width * middle + tokens * middle * width)
    projector = 2 * tokens * 2 * width * config.width
    return _sam_operations(sam, grid) + neck + compressor + _clip_operations(clip, tokens + 1) + projector


def _sam_operations(sam: SamConfig, grid: int) -> int:
    patches = grid**2
    embedding = 2 * patches * 3 * PATCH**2 * sam.width
    linear = 2 * patches * sam.width * (4 * sam.width + 2 * sam.mlp_width)
    edges = [grid if block in sam.global_blocks else sam.window for block in range(sam.depth)]
    attention = sum(patches * sam.width * (4 * edge**2 + 4 * edge) for edge in edges)
    return embedding + sam.depth * linear + attention


def _clip_operations(clip: ClipConfig, positions: int) -> int:
    layer = 2 * positions * clip.width * (4 * clip.width + 2 * clip.mlp_width) + 4 * positions**2 * clip.width
    return clip.depth * layer


def encoder_bytes(num_weights: int, config: EncoderConfig, side: int, views: int, itemsize: int) -> int:
    """The weights once, the pixels in and the visual tokens out."""
    return itemsize * (num_weights + views * (3 * side**2 + (side // TOKEN) ** 2 * config.width))


def active_weights(config: DecoderConfig) -> int:
    """Weights that one token passes, the head among them and the embedding table not."""
    attention = 4 * config.width**2
    dense = 3 * config.width * config.mlp_width
    experts = config.num_active_experts + config.num_shared_experts
    sparse = config.width * (config.num_experts + 3 * experts * config.expert_width)
    layers = config.num_dense_layers * dense + (config.depth - config.num_dense_layers) * sparse
    return config.depth * attention + layers + config.vocab_size * config.width


def prefill_operations(config: DecoderConfig, length: int) -> int:
    """Of a prompt; the head runs on its last position only, attention is causal."""
    head = config.vocab_size * config.width
    attention = 2 * config.depth * config.width * length * (length + 1)
    return 2 * length * (active_weights(config) - head) + 2 * head + attention


def decode_bytes(config: DecoderConfig, length: int, itemsize: int, itemsize_packed: int | None = None) -> int:
    """Read for one token after `length` others: the weights it passes and the cache. `itemsize_packed`: bytes of a weight of the
    layers, where they are held otherwise than head and cache (language/one_token.py)."""
    held = config.vocab_size * config.width + 2 * config.depth * config.width * length
    in_layers = active_weights(config) - config.vocab_size * config.width
    return itemsize * held + (itemsize_packed or itemsize) * in_layers
