"""Wear: a coloured page stays itself in form, blur blurs, and JPEG agrees with Pillow's own."""

import io

import numpy as np
import torch
from PIL import Image

from optical_memory.training.wear import Wear, jpeg, reink, resized_and_back
from optical_memory.vision.views import to_pixels
from renderers import Block, Grid, draw, lay_out, palette, to_rgb
from renderers.transcript import TRANSCRIPT_STYLES

PAGE = lay_out([Block("How legible is a worn page? 0123456789 " * 100, "user", "s")], Grid(64, 64))[0]
RGB = to_rgb(draw(PAGE, 512), palette(TRANSCRIPT_STYLES))
PIXELS = to_pixels(RGB)[None]


def test_jpeg_errs_as_pillow_does() -> None:
    for quality in (40, 75, 95):
        buffer = io.BytesIO()
        Image.fromarray(RGB).convert("L").save(buffer, "JPEG", quality=quality)
        theirs = to_pixels(np.asarray(Image.open(buffer).convert("RGB")))[None]
        assert (jpeg(PIXELS, quality) - theirs).abs().mean() < 0.01
    assert (jpeg(PIXELS, 40) - PIXELS).abs().mean() > (jpeg(PIXELS, 95) - PIXELS).abs().mean() > 0


def test_resizing_loses_detail_and_keeps_the_mean() -> None:
    worn = resized_and_back(PIXELS, 0.6)
    assert worn.shape == PIXELS.shape
    assert worn.std() < PIXELS.std()
    assert abs(float(worn.mean() - PIXELS.mean())) < 0.01


def test_new_inks_keep_the_form() -> None:
    worn = reink(PIXELS, np.random.default_rng(0))
    grey, before = worn.mean(1).flatten(), PIXELS.mean(1).flatten()
    assert abs(float(torch.corrcoef(torch.stack([grey, before]))[0, 1])) > 0.99
    assert worn.min() >= -1 and worn.max() <= 1


def test_the_same_generator_wears_alike_and_no_share_wears_nothing() -> None:
    always = Wear(1.0, 1.0, 0.6, 1.0)
    first, second = (always.apply(PIXELS, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(Wear(0.0, 0.0, 0.6, 0.0).apply(PIXELS, np.random.default_rng(3)), PIXELS)
