"""The same corner of a page at each mode that the bundled model reads it in: `python examples/draw_modes.py examples/modes.png`."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from optical_memory.config import default
from optical_memory.memory.files import load_history
from optical_memory.memory.turn import parse_history
from optical_memory.modes import NATIVE_MODES
from renderers import FIXED, TRANSCRIPT_STYLES, Grid, draw, lay_out, palette, to_rgb, transcript_blocks
from renderers.fonts import FACES_FOLDER

COLUMNS, ROWS, GAP, HEADING = 52, 17, 12, 26


def main(out: Path) -> None:
    typography = default().typography
    grid = Grid(typography.columns, typography.rows)
    modes = [mode for mode in NATIVE_MODES if (mode.name, grid.columns, grid.rows) in typography.reads]
    turns = parse_history(load_history(Path(__file__).with_name("conversation.json")))[1:24]
    blocks = [
        block for turn in turns for label, text in turn.passages() for block in transcript_blocks(text, label, turn.id)
    ]
    page = lay_out(blocks, grid)[0]
    colours = palette(TRANSCRIPT_STYLES)
    corners = []
    for mode in modes:
        picture = Image.fromarray(to_rgb(draw(page, mode.side, FIXED), colours))
        size = COLUMNS * mode.side // grid.columns, ROWS * mode.side // grid.rows
        corners.append((mode, picture.crop((0, 0, *size))))
    width = sum(corner.width + GAP for _, corner in corners) + GAP
    height = max(corner.height for _, corner in corners) + HEADING + GAP
    sheet = Image.new("RGB", (width, height), (250, 250, 250))
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(str(FACES_FOLDER / "DejaVuSansMono.ttf"), 13)
    left = GAP
    for mode, corner in corners:
        pen.text((left, 6), f"{mode} {mode.side}², {mode.sequence_length()} tokens", font=font, fill=(60, 60, 60))
        sheet.paste(corner, (left, HEADING))
        left += corner.width + GAP
    sheet.save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "modes.png"))
