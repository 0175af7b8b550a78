"""A scene is what a caption says; `draw` makes its picture. Same scene, same pixels."""

import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageStat

from starter.draw.colours import COLOURS, Rgb, luminance, tones
from starter.draw.grounds import GROUNDS
from starter.draw.shapes import Part
from starter.draw.styles import STYLES, Paint, silhouette
from starter.draw.subjects import DEFAULT_SLANT_DEG, SLANT_DEG, SUBJECTS

SIDE_PX = 128
PAIRS = 1 / 16  # of all scenes show two things
_SUPERSAMPLING = 2
_FRAMES: tuple[Rgb, ...] = ((92, 62, 38), (212, 170, 74), (40, 36, 46), (240, 230, 205))


@dataclass(frozen=True)
class Figure:
    """One subject in its colour."""

    subject: str
    colour: str


@dataclass(frozen=True)
class Scene:
    """Everything that shapes one drawing. ``figures`` are one, or two side by side."""

    figures: tuple[Figure, ...]
    ground: str
    style: str
    framed: bool
    seed: int


def held_out(figure: Figure, ground: str) -> bool:
    """Whether subject × colour × ground is one of the third of all combinations that no model is trained on."""
    return zlib.crc32(f"{figure.subject}/{figure.colour}/{ground}".encode()) % 3 == 0


def training_scene(seed: int, pairs: float = PAIRS) -> Scene:
    """A random scene made only of combinations that training may see."""
    for attempt in range(1000):
        scene = random_scene(seed, attempt, pairs)
        if not any(held_out(figure, scene.ground) for figure in scene.figures):
            return scene
    raise RuntimeError(f"no scene outside the held-out third after 1000 attempts from seed {seed}")


def training_pair(seed: int) -> Scene:
    """A training scene of two things."""
    return training_scene(seed, pairs=1.0)


def random_scene(seed: int, attempt: int = 0, pairs: float = PAIRS) -> Scene:
    """A scene with every word drawn evenly; ``pairs`` of all have two subjects, one in eight a frame."""
    rng = np.random.default_rng([seed, 1, attempt])
    count = 2 if rng.random() < pairs else 1
    subjects = rng.choice(list(SUBJECTS), count, replace=False)
    figures = tuple(Figure(str(subject), str(rng.choice(list(COLOURS)))) for subject in subjects)
    ground, style = str(rng.choice(list(GROUNDS))), str(rng.choice(list(STYLES)))
    return Scene(figures, ground, style, bool(rng.random() < 1 / 8), seed)


def _placed(
    parts: list[Part], figure: Figure, rng: np.random.Generator, box_px: tuple[float, float, float]
) -> list[Part]:
    """Parts slanted, sometimes mirrored, fitted into the box (centre x, centre y, half side) in pixels."""
    limit = SLANT_DEG.get(figure.subject, DEFAULT_SLANT_DEG)
    angle = np.radians(rng.uniform(-limit, limit))
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if rng.random() < 0.5:
        matrix = matrix * [[-1], [1]]
    points = np.concatenate([part.outline for part in parts]) @ matrix.T
    low, high = points.min(0), points.max(0)
    scale = 2 * box_px[2] / float((high - low).max()) * rng.uniform(0.86, 1.0)
    nudge = rng.uniform(-0.05, 0.05, 2) * box_px[2]
    return [part.moved(matrix * scale, np.array(box_px[:2]) + nudge - (low + high) / 2 * scale) for part in parts]


def _halo(picture: Image.Image, parts: list[Part], own: Rgb, line_px: float) -> None:
    """A thin rim in the opposite tone where subject and ground are equally light."""
    ground = luminance(tuple(round(value) for value in ImageStat.Stat(picture).mean))  # type: ignore[arg-type]
    if abs(ground - luminance(own)) < 60:
        rim = (252, 248, 235) if ground < 150 else (48, 44, 56)
        picture.paste(rim, mask=silhouette(parts, picture.size, (2.4 if ground < 150 else 1.3) * line_px))


def _frame(picture: Image.Image, rng: np.random.Generator) -> None:
    """A border: one line, two lines, or a rounded one."""
    draw, side, fill = ImageDraw.Draw(picture), picture.size[0], _FRAMES[rng.integers(len(_FRAMES))]
    kind, width = rng.integers(3), round(side * rng.uniform(0.03, 0.045))
    if kind == 2:
        draw.rounded_rectangle([0, 0, side - 1, side - 1], side // 8, outline=fill, width=width)
        return
    draw.rectangle([0, 0, side - 1, side - 1], outline=fill, width=width)
    if kind == 1:
        inset = round(width * 1.6)
        draw.rectangle([inset, inset, side - 1 - inset, side - 1 - inset], outline=fill, width=width // 3)


def draw(scene: Scene, side_px: int = SIDE_PX) -> Image.Image:
    """The scene as an anti-aliased RGB picture of side_px × side_px."""
    rng = np.random.default_rng([scene.seed, 2])
    side = side_px * _SUPERSAMPLING
    picture = GROUNDS[scene.ground](rng, side)
    half = side * (0.4 if len(scene.figures) == 1 else 0.215)
    centres = (0.5,) if len(scene.figures) == 1 else (0.265, 0.735)
    for figure, centre in zip(scene.figures, centres, strict=True):
        parts = _placed(SUBJECTS[figure.subject](rng), figure, rng, (centre * side, 0.5 * side, half))
        paint = Paint(tones(figure.colour, rng), side / 128)
        _halo(picture, parts, paint.tones["main"], paint.line_px)
        STYLES[scene.style](picture, parts, paint)
    if scene.framed:
        _frame(picture, rng)
    return picture.resize((side_px, side_px), Image.Resampling.BOX)
