"""Text to pixels: pages laid out once on a character grid, drawn at any side. Knows no roles, modes, tokens or models."""

from renderers.fonts import DEJAVU, FACES, FIXED, Face, GlyphAtlas, face_of, find_face, glyph_atlas
from renderers.layout import lay_out
from renderers.page import EMPTY, Block, Grid, Page, Span
from renderers.raster import RENDERER_VERSION, Style, draw, palette, to_png, to_rgb
from renderers.transcript import TRANSCRIPT_STYLES, transcript_blocks

__all__ = [
    "DEJAVU",
    "EMPTY",
    "FACES",
    "FIXED",
    "RENDERER_VERSION",
    "TRANSCRIPT_STYLES",
    "Block",
    "Face",
    "GlyphAtlas",
    "Grid",
    "Page",
    "Span",
    "Style",
    "draw",
    "face_of",
    "find_face",
    "glyph_atlas",
    "lay_out",
    "palette",
    "to_png",
    "to_rgb",
    "transcript_blocks",
]
