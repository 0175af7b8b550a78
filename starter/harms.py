"""What spoils a picture: each harm takes an RGB picture, a generator and a strength (0 faint – 1 gross).

``TAUGHT`` harms train the aesthetic head and the words of negative prompts; ``UNSEEN`` ones only test the head.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

Rng = np.random.Generator
Harm = Callable[[Image.Image, Rng, float], Image.Image]


def blurry(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Out of focus."""
    return picture.filter(ImageFilter.GaussianBlur(1.5 + 3.5 * strength))


def noisy(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Sensor-like noise on every pixel."""
    noise = rng.normal(0, 16 + 44 * strength, (picture.height, picture.width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8), "RGB")


def cropped(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Cut so that a part of the subject is lost."""
    side = picture.width
    share = 0.62 - 0.2 * strength
    corner = rng.choice([0.0, 1.0], 2) * (1 - share) * side
    region = (int(corner[0]), int(corner[1]), int(corner[0] + share * side), int(corner[1] + share * side))
    return picture.crop(region).resize(picture.size, Image.Resampling.BICUBIC)


def washed(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Little contrast left, drawn towards a grey."""
    grey = int(rng.integers(120, 220))
    return Image.blend(picture, Image.new("RGB", picture.size, (grey, grey, grey)), 0.45 + 0.35 * strength)


def clipped(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Tones pushed against white or black."""
    shift = (70 + 70 * strength) * rng.choice([-1.0, 1.0])
    pushed = (np.asarray(picture).astype(np.float32) - 128) * (1.5 + strength) + 128 + shift
    return Image.fromarray(np.clip(pushed, 0, 255).astype(np.uint8), "RGB")


def banded(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Few tones left."""
    return ImageOps.posterize(picture, 2 if strength < 0.5 else 1)


def half_formed(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Smeared away: blocks of the middle replaced by blurred neighbours."""
    soft, mask = picture.filter(ImageFilter.GaussianBlur(9)), Image.new("L", picture.size, 0)
    draw, side = ImageDraw.Draw(mask), picture.width
    for _ in range(int(3 + 4 * strength)):
        x, y, r = *rng.uniform(0.25, 0.75, 2) * side, rng.uniform(0.12, 0.22) * side
        draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    return Image.composite(soft, picture, mask.filter(ImageFilter.GaussianBlur(3)))


def cluttered(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Scraps of colour scattered over everything."""
    result, side = picture.copy(), picture.width
    draw = ImageDraw.Draw(result)
    for _ in range(int(14 + 26 * strength)):
        x, y, w, h = *rng.uniform(0, side, 2), *rng.uniform(0.04, 0.16, 2) * side
        draw.rectangle((x, y, x + w, y + h), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    return result


def blocky(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Compressed to death."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(14 - 10 * strength))
    return Image.open(file).convert("RGB")


def torn(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Rows shifted sideways against each other."""
    pixels, rows = np.asarray(picture).copy(), 8
    for top in range(0, picture.height, rows):
        pixels[top : top + rows] = np.roll(pixels[top : top + rows], int(rng.normal(0, 6 + 12 * strength)), axis=1)
    return Image.fromarray(pixels, "RGB")


def melted(picture: Image.Image, rng: Rng, strength: float) -> Image.Image:
    """Bent out of shape by a random field, as an unfinished sampler does."""
    side = picture.width
    field = rng.normal(0, 1, (2, 5, 5)).astype(np.float32)
    grown = [np.asarray(Image.fromarray(f).resize((side, side), Image.Resampling.BICUBIC)) for f in field]
    y, x = np.mgrid[:side, :side]
    reach = side * (0.08 + 0.1 * strength)
    source_y, source_x = (np.clip(a + reach * g, 0, side - 1).astype(int) for a, g in ((y, grown[0]), (x, grown[1])))
    return Image.fromarray(np.asarray(picture)[source_y, source_x], "RGB")


TAUGHT: dict[str, Harm] = {
    f.__name__: f for f in (blurry, noisy, cropped, washed, clipped, half_formed, cluttered, melted)
}
UNSEEN: dict[str, Harm] = {f.__name__: f for f in (banded, blocky, torn)}
WORDS: dict[str, tuple[str, ...]] = {
    "blurry": ("blurry", "out of focus"),
    "noisy": ("noisy", "noise"),
    "cropped": ("cropped", "cut off"),
    "washed": ("washed out", "faded"),
    "clipped": ("clipped tones", "overexposed"),
    "half_formed": ("half formed", "broken"),
    "cluttered": ("cluttered", "clutter"),
    "melted": ("deformed", "ugly"),
}
