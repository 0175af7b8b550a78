"""Promise: a reference picture is decoded by PNG, JPEG and WebP alone, and seen as a person sees it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from specs.boundary.files import rgb_pixels
from specs.errors import UsageError


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def test_sixteen_bits_are_scaled() -> None:
    grey = Image.fromarray(np.array([[0, 257, 32896, 65535]], dtype=np.uint16))
    assert rgb_pixels(saved(grey), "x")[0, :, 0].tolist() == [0, 1, 128, 255]


def test_orientation_is_followed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert rgb_pixels(saved(Image.new("RGB", (8, 4)), "JPEG", exif=exif), "x").shape == (8, 4, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_over_white(mode: str) -> None:
    clear = Image.new("RGBA", (2, 2), (0, 0, 0, 0)).convert(mode)
    assert (rgb_pixels(saved(clear, **({"transparency": 0} if mode == "P" else {})), "x") == 255).all()


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP", "EPS", "PPM", "ICO", "TGA"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(UsageError, match=r"x: got .*; allowed: PNG, JPEG, WEBP"):
        rgb_pixels(saved(Image.new("RGB", (16, 16)), kind), "x")


def test_cmyk_and_animations_are_refused() -> None:
    with pytest.raises(UsageError, match="CMYK"):
        rgb_pixels(saved(Image.new("CMYK", (4, 4)), "JPEG"), "x")
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for kind in ("PNG", "WEBP"):
        with pytest.raises(UsageError, match="an animation of 2 frames"):
            rgb_pixels(saved(frames[0], kind, save_all=True, append_images=frames[1:]), "x")


def test_a_cut_file_is_refused() -> None:
    with pytest.raises(UsageError, match="does not read as a picture"):
        rgb_pixels(saved(Image.effect_noise((64, 64), 90))[:-400], "x")
