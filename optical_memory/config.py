"""The sizes of a model, as plain data: one composition root from toy width to the official DeepSeek-OCR.

`deepseek_ocr()`, `default()` and `tiny_random()` are values of one type; the code path is the same for all three. No torch here.
"""

from dataclasses import dataclass, replace

from renderers.fonts import MARKER_BASE

_LATIN = "".join(chr(code) for code in range(0xA1, 0x100) if code not in (0xAC, 0xAD, 0xB6, 0xC2))
_TYPOGRAPHY = "‘’“”–—…•†‡€™←↑→↓≤≥≠∞√−─│┌┐└┘├┤┬┴┼█■"
_ASCII = "".join(chr(code) for code in range(0x20, 0x7F))
_EXTENDED = "".join(chr(code) for code in range(0x100, 0x180)) + "ȘșȚțḍḥṃṇṛṣṭḌḤṂṆṚṢṬṅﬁﬂﬀ"
_GREEK = "ΆΈΉΊΌΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ"
_CYRILLIC = "".join(chr(code) for code in range(0x401, 0x460) if code not in (0x40D, 0x450, 0x45D)) + "Ґґ"
_LINES = "\u00ad„‚№↔═║╔╗╚╝╠╣╦╩╬╭╮╰╯"
SIGNS = "ÂəƏ\u2011\u202f✓✔✅✗❌⚠\ufe0f●○▶❯★☐☑≈⇒∈₂░━▲▼⚡"
"""What chats and terminals are full of; the last to come to the alphabet."""
ALPHABET = (
    "\n\t\r\u00a0"
    + _ASCII
    + _LATIN
    + _TYPOGRAPHY
    + "".join(chr(MARKER_BASE + ord(letter)) for letter in "UASCR")
    + _EXTENDED
    + _GREEK
    + _CYRILLIC
    + _LINES
    + SIGNS
)
"""What the bundled readout tells apart: white space, printable ASCII, Latin with diacritics, Greek, Cyrillic, typography,
box lines, five markers, signs. New characters go to the end, so that older weights keep their places.

Left out are characters that the pixel face draws like another one, and those whose glyphs stand for white space."""


@dataclass(frozen=True, slots=True)
class SamConfig:
    """SAM's image encoder: ViT with windowed attention and a few global blocks, then the neck (defaults: SAM-base)."""

    width: int = 768
    depth: int = 12
    heads: int = 12
    mlp_width: int = 3072
    window: int = 14
    global_blocks: tuple[int, ...] = (2, 5, 8, 11)
    neck_width: int = 256
    position_grid: int = 64
    """Patches per side of the learnt position table; other sizes are interpolated."""


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """CLIP's vision transformer on the compressed grid (defaults: CLIP-L)."""

    width: int = 1024
    depth: int = 24
    heads: int = 16
    mlp_width: int = 4096
    position_grid: int = 16


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """DeepEncoder: SAM, the 16x compressor to CLIP's width, CLIP, and the projector to the decoder's width."""

    sam: SamConfig = SamConfig()
    compressor_width: int = 512
    """Channels between the compressor's two convolutions."""
    clip: ClipConfig = ClipConfig()
    width: int = 1280
    """Numbers in a visual token: the decoder's width."""


@dataclass(frozen=True, slots=True)
class ReadoutConfig:
    """The readout: visual tokens back to patches, convolutions, and a classifier for every cell of the page's grid."""

    alphabet: str = ALPHABET
    width: int = 192
    depth: int = 2
    cell_width: int = 64


@dataclass(frozen=True, slots=True)
class SignpostConfig:
    """The pages that a decoder reads by itself: `tokens` x `tokens` visual tokens of `cells` x `cells` characters each.

    It says where it is by signposts, the last tokens of its vocabulary: one for every row of characters, then one for every column
    of visual tokens (language/signposts.py).
    """

    tokens: int = 10
    cells: int = 8
    # fmt: off
    features: tuple[int, ...] = (
        450, 452, 453, 458, 460, 463, 473, 474, 483, 485, 502, 508, 509, 513, 516, 520, 537, 538, 554, 555, 565, 569, 604,
    )
    # fmt: on
    """Numbers of a row that hold what a cell is told by: those of which the head of the bundled decoder, taught to answer, made
    least."""

    @property
    def rows(self) -> int:
        """Of characters, and characters in each."""
        return self.tokens * self.cells


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """A DeepSeek mixture-of-experts text model (defaults: DeepSeek-3B-MoE-A570M)."""

    vocab_size: int = 129_280
    width: int = 1280
    depth: int = 12
    heads: int = 10
    mlp_width: int = 6848
    num_experts: int = 64
    num_active_experts: int = 6
    num_shared_experts: int = 2
    expert_width: int = 896
    num_dense_layers: int = 1
    max_positions: int = 8192
    rope_theta: float = 10_000.0
    """Base of the rotary positions' frequencies."""
    image_token: int = 128_815
    bos_token: int = 0
    eos_token: int = 1
    reference_window: int | None = None
    """Generated tokens that a new one attends to, beside the whole prompt (Unlimited-OCR); None: all of them."""
    signposts: SignpostConfig | None = None
    """Where there are any, the first READING_LAYERS layers see to reading alone and leave text as it is."""

    @property
    def for_text(self) -> "DecoderConfig":
        """Without the layers that read pages."""
        if self.signposts is None:
            return self
        depth, dense = self.depth - READING_LAYERS, self.num_dense_layers - READING_LAYERS
        return replace(self, depth=depth, num_dense_layers=dense, signposts=None)


@dataclass(frozen=True, slots=True)
class TypographyConfig:
    """How pages are set for this model: face, grid, line breaks."""

    face: str = "fixed"
    columns: int = 64
    rows: int = 64
    break_lines: bool = False
    grids: tuple[tuple[int, int], ...] = ((64, 64), (80, 80), (128, 64))
    """(columns, rows) that the readout was trained on, sparsest first; columns and rows above are the memory's own."""
    reads: tuple[tuple[str, int, int], ...] = ()
    """(mode's name, columns, rows) of the pages that the readout was taught, if not the grids in every mode."""


READABLE = TypographyConfig("dejavu", columns=64, rows=32, break_lines=True)
"""Pages for weights that were trained on natural pages: an ordinary face, about 460 text tokens. DeepSeek-OCR reads about 500 on
a Tiny page almost without error, and loses a fifth of 1,000 (arXiv 2601.03714)."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A whole model. A part that is absent is None: official checkpoints have no readout, an encoder alone no decoder."""

    name: str
    encoder: EncoderConfig = EncoderConfig()
    readout: ReadoutConfig | None = None
    decoder: DecoderConfig | None = None
    typography: TypographyConfig = TypographyConfig()

    def __post_init__(self) -> None:
        if self.decoder is not None and self.decoder.width != self.encoder.width:
            raise ValueError(
                f"visual tokens are {self.encoder.width} wide and the decoder is {self.decoder.width}: make them equal"
            )

    def in_face(self, face: str, reads: tuple[tuple[str, int, int], ...], grid: tuple[int, int]) -> "ModelConfig":
        """The same sizes, named after the face, for weights that were taught these pages in it and set theirs on `grid`."""
        columns, rows = grid
        typography = replace(self.typography, face=face, columns=columns, rows=rows, reads=reads)
        return replace(self, name=f"{self.name}-{face}", typography=typography)


NUM_SPECIAL_TOKENS = 8
"""Token ids of the bundled decoder before its alphabet: see language/tokenizer.py."""
READING_LAYERS = 2
"""Layers by which a decoder with signposts reads pages: one finds out where it is, the next one fetches what stands there."""


def deepseek_ocr() -> ModelConfig:
    """The published architecture: 3,336,106,240 parameters."""
    return ModelConfig("deepseek-ocr", decoder=DecoderConfig(), typography=READABLE)


def default() -> ModelConfig:
    """The bundled model: the same architecture at a width that two cores can train."""
    encoder = EncoderConfig(
        sam=SamConfig(width=192, depth=3, heads=6, mlp_width=768, window=8, global_blocks=(), neck_width=192),
        compressor_width=384,
        clip=ClipConfig(width=768, depth=1, heads=12, mlp_width=1536),
        width=768,
    )
    signposts = SignpostConfig()
    decoder = DecoderConfig(
        vocab_size=NUM_SPECIAL_TOKENS + len(ALPHABET) + signposts.rows + signposts.tokens,
        width=768,
        depth=READING_LAYERS + 3,
        heads=12,
        mlp_width=1536,
        num_experts=8,
        num_active_experts=2,
        num_shared_experts=1,
        expert_width=256,
        num_dense_layers=READING_LAYERS + 1,
        rope_theta=1e6,  # half of the frequencies hardly turn within a passage: what matches there matches anywhere in it
        image_token=3,
        signposts=signposts,
    )
    reads = (
        ("Tiny", 64, 64),
        ("Tiny", 128, 64),
        ("Small", 64, 64),
        ("Small", 80, 80),
        ("Base", 64, 64),
        ("Base", 128, 64),
        ("Large", 64, 64),
        ("Large", 80, 80),
        ("Large", 128, 64),
    )
    typography = TypographyConfig(columns=128, reads=reads)
    return ModelConfig("default", encoder, ReadoutConfig(), decoder, typography)


def tiny_random() -> ModelConfig:
    """A toy for tests: every part present, nothing trained."""
    encoder = EncoderConfig(
        sam=SamConfig(
            width=32, depth=2, heads=2, mlp_width=64, window=7, global_blocks=(1,), neck_width=32, position_grid=16
        ),
        compressor_width=48,
        clip=ClipConfig(width=64, depth=2, heads=4, mlp_width=128, position_grid=4),
        width=64,
    )
    decoder = DecoderConfig(
        vocab_size=NUM_SPECIAL_TOKENS + len(ALPHABET),
        width=64,
        depth=2,
        heads=4,
        mlp_width=128,
        num_experts=4,
        num_active_experts=2,
        num_shared_experts=1,
        expert_width=32,
        image_token=3,
    )
    return ModelConfig("tiny-random", encoder, ReadoutConfig(width=32, depth=1, cell_width=16), decoder)
