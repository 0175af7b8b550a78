"""The four styles by their words: how a list of parts becomes paint. Parts come in pixels here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from starter.draw.colours import INK, Rgb, mix
from starter.draw.shapes import Part, Points


@dataclass(frozen=True)
class Paint:
    """What a style needs beside the parts: role → RGB, and the unit of line width (pixels at this scale)."""

    tones: dict[str, Rgb]
    line_px: float


Style = Callable[[Image.Image, list[Part], Paint], None]


def _flat_list(points: Points) -> list[float]:
    return [float(value) for value in points.ravel()]


def mask_of(part: Part, size: tuple[int, int]) -> Image.Image:
    """The part's area: 255 inside, 0 outside and in its holes."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    draw.polygon(_flat_list(part.outline), fill=255)
    for hole in part.holes:
        draw.polygon(_flat_list(hole), fill=0)
    return mask


def stroke(draw: ImageDraw.ImageDraw, part: Part, fill: Rgb | int, width_px: float) -> None:
    """The part's contours, closed, with round joints."""
    for loop in (part.outline, *part.holes):
        closed = _flat_list(np.concatenate([loop, loop[:2]]))
        draw.line(closed, fill=fill, width=max(1, round(width_px)), joint="curve")


def silhouette(parts: list[Part], size: tuple[int, int], grow_px: float) -> Image.Image:
    """All parts together as one mask, grown outwards."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    for part in parts:
        draw.polygon(_flat_list(part.outline), fill=255)
        stroke(draw, part, 255, 2 * grow_px)
    for part in parts:
        for hole in part.holes:
            draw.polygon(_flat_list(hole), fill=0)
    return mask


@cache
def _ramps(size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    """Masks that light the upper left and darken the lower right."""
    along = np.add.outer(np.linspace(-1, 1, size[1]), np.linspace(-1, 1, size[0])) / 1.3
    dark, light = np.clip(along, 0, 1) * 150, np.clip(-along, 0, 1) * 150
    return Image.fromarray(dark.astype(np.uint8), "L"), Image.fromarray(light.astype(np.uint8), "L")


@cache
def _hatching(size: tuple[int, int], line_px: float) -> Image.Image:
    """Slanting cuts that start in the middle and widen towards the lower right."""
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    depth = np.clip((x / size[0] + y / size[1]) - 0.95, 0, 0.5) * 2
    phase = np.mod(x - y, 6 * line_px) / (6 * line_px)
    return Image.fromarray(((phase < 0.5 * depth) * 255).astype(np.uint8), "L")


def flat(picture: Image.Image, parts: list[Part], paint: Paint) -> None:
    """Plain fills."""
    for part in parts:
        if part.holes:
            picture.paste(paint.tones[part.role], mask=mask_of(part, picture.size))
        else:
            ImageDraw.Draw(picture).polygon(_flat_list(part.outline), fill=paint.tones[part.role])


def outlined(picture: Image.Image, parts: list[Part], paint: Paint) -> None:
    """Fills, each with a dark contour."""
    for part in parts:
        flat(picture, [part], paint)
        stroke(ImageDraw.Draw(picture), part, INK, 1.5 * paint.line_px)


def shaded(picture: Image.Image, parts: list[Part], paint: Paint) -> None:
    """A cast shadow, and fills lit from the upper left."""
    cast = ImageChops.offset(silhouette(parts, picture.size, 0), round(2.5 * paint.line_px))
    cast = cast.filter(ImageFilter.BoxBlur(2 * paint.line_px)).point(lambda value: value * 0.45)
    picture.paste((20, 16, 28), mask=cast)
    dark, light = _ramps(picture.size)
    for part in parts:
        mask, tone = mask_of(part, picture.size), paint.tones[part.role]
        picture.paste(tone, mask=mask)
        picture.paste(mix(tone, (10, 8, 20), 0.75), mask=ImageChops.multiply(mask, dark))
        picture.paste(mix(tone, (255, 255, 250), 0.85), mask=ImageChops.multiply(mask, light))


def woodcut(picture: Image.Image, parts: list[Part], paint: Paint) -> None:
    """Heavy contours and cut hatching over the fills."""
    picture.paste(INK, mask=silhouette(parts, picture.size, 2.4 * paint.line_px))
    for part in parts:
        flat(picture, [part], paint)
        stroke(ImageDraw.Draw(picture), part, INK, 1.2 * paint.line_px)
    cuts = ImageChops.multiply(silhouette(parts, picture.size, 0), _hatching(picture.size, paint.line_px))
    picture.paste(INK, mask=cuts)


STYLES: dict[str, Style] = {f.__name__: f for f in (flat, outlined, shaded, woodcut)}
